"""Which paths do the doubles serve over HTTP? LTS, IAM, and AOM's door, behind which a real Prometheus stands."""

from __future__ import annotations

import base64

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.iam import Iam
from testbed.cloud.kept import Kept
from testbed.cloud.lts import PATH, SEARCH_PATH, Failures, Lts
from testbed.cloud.span_search import SpanSearch
from testbed.stub.behaviour import Behaviour, Operations, ServiceTime
from testbed.stub.control import Controls
from testbed.stub.stage import Call, Refusal, Reply, Stage, json_reply

OPERATIONS = Operations(names=("spans", "lines", "samples", "tokens", "searches"))
DEFAULTS = Behaviour(
    service_times={"*": ServiceTime(2)}, settings={"token_s": 24 * 3600.0, "keep_texts": 0.0, "keep_traces": 0.0}
)
_FORWARDED = (b"content-type", b"content-encoding", b"x-prometheus-remote-write-version")


def cloud_app(controls: Controls, kept: Kept, prometheus_url: str) -> Starlette:
    """Return the application of the main port; without the address of a Prometheus AOM has nowhere to put samples."""
    stage = Stage(controls, Failures())
    iam = Iam()
    lts, aom, spans = Lts(iam, kept), Aom(prometheus_url, kept), SpanSearch(iam, kept)
    return Starlette(
        routes=[
            Route("/v3/auth/tokens", stage.endpoint("tokens", iam.give), methods=["POST"]),
            Route(PATH, stage.endpoint("lines", lts.take), methods=["POST"]),
            Route(SEARCH_PATH, stage.endpoint("searches", lts.search), methods=["POST"]),
            Route("/v1/{project_id}/push", stage.endpoint("samples", aom.push), methods=["POST"]),
            Route("/v1/{project_id}/api/v1/query", stage.endpoint("searches", aom.query), methods=["GET"]),
            Route(spans.PATH, stage.endpoint("searches", spans.search), methods=["POST"]),
        ]
    )


class Aom:
    """Remote write as AOM takes it: basic auth of the user `aom_access_code`, or the code as a bearer token."""

    def __init__(self, prometheus_url: str, kept: Kept) -> None:
        self._client = httpx.AsyncClient(base_url=prometheus_url, trust_env=False, timeout=30.0)
        self._kept = kept
        basic = base64.b64encode(f"aom_access_code:{ACCOUNT.aom_access_code}".encode()).decode()
        self._allowed = {f"Basic {basic}", f"Bearer {ACCOUNT.aom_access_code}"}

    async def push(self, call: Call) -> Reply:
        """POST /v1/{project_id}/push."""
        self._check(call)
        headers = {name.decode(): call.headers[name].decode("latin-1") for name in _FORWARDED if name in call.headers}
        answer = await self._client.post("/api/v1/write", content=call.body, headers=headers)
        if answer.is_success:
            self._kept.samples += 1
        return Reply(answer.content, answer.status_code, b"text/plain")

    async def query(self, call: Call) -> Reply:
        """GET /v1/{project_id}/api/v1/query, as Prometheus answers it."""
        self._check(call)
        answer = await self._client.get(f"/api/v1/query?{call.query_string.decode('latin-1')}")
        return Reply(answer.content, answer.status_code)

    def _check(self, call: Call) -> None:
        if call.headers.get(b"authorization", b"").decode("latin-1") not in self._allowed:
            raise Refusal(json_reply({"error_code": "AOM.0403", "error_msg": "auth failed"}, 401))
        if call.params["project_id"] != ACCOUNT.project_id:
            raise Refusal(json_reply({"error_code": "AOM.0404", "error_msg": "no such project"}, 404))
