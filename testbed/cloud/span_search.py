"""A double of APM's search for spans, which is asked over HTTP while spans come by gRPC.

Source: Huawei Cloud's SDK for APM, `ShowSpanSearch`. Whether the real one finds spans of
OpenTelemetry by their W3C id is not known; this one does.
"""

from __future__ import annotations

import orjson

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.iam import Iam
from testbed.cloud.kept import Kept
from testbed.stub.stage import Call, Refusal, Reply, json_reply


class SpanSearch:
    """Finds the spans of a trace among those that the double of APM took."""

    PATH = "/v1/apm2/openapi/view/trace/span-search"

    def __init__(self, iam: Iam, kept: Kept) -> None:
        self._iam = iam
        self._kept = kept

    def search(self, call: Call) -> Reply:
        """POST /v1/apm2/openapi/view/trace/span-search."""
        if not self._iam.holds(call.headers.get(b"x-auth-token", b"").decode("latin-1")):
            raise _refusal(401, "the token is wrong")
        if call.headers.get(b"x-business-id") != ACCOUNT.apm_business_id.encode():
            raise _refusal(403, "no such business")
        try:
            wanted = str(orjson.loads(call.body)["trace_id"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise _refusal(400, "trace_id is missing") from error
        found = [one.split() for one in self._kept.spans if one.startswith(wanted)]
        spans = [{"trace_id": trace, "span_id": span} for trace, span in found]
        return json_reply({"span_info_list": spans, "total": len(spans)})


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(json_reply({"error_code": f"APM.{status:08}", "error_msg": message}, status))
