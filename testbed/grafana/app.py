"""What does the double of a Grafana answer? As the documentation of its HTTP API has it; no real one was compared.

It checks the token, keeps versions and refuses a stale one (412), wants folders to be there, migrates nothing, and adds
of its own to what it keeps, as a Grafana does. Queries go to a Prometheus, if it was given one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]

TOKEN: Final = "made-up-grafana-token"  # noqa: S105  # of the double
SOURCE: Final = "made-up-prometheus"
_SCHEMA_VERSIONS: Final = range(9, 43)  # what a Grafana of 2026 migrates from, and knows
_BUILT_IN: Final = {"rate_interval": "1m", "interval": "15s", "range": "1h"}


@dataclass(slots=True)
class Kept:
    """What the double keeps, and what tests may set: provisioned uids, and pieces of queries that find nothing."""

    folders: dict[str, str] = field(default_factory=dict)
    boards: dict[str, Json] = field(default_factory=dict)
    folder_of: dict[str, str] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    writes: int = 0
    may_write: bool = True


class _Token(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _said("Invalid API key", 401)
        return await call_next(request)


def grafana_app(kept: Kept, prometheus_url: str = "") -> Starlette:
    """Return the application of the double."""
    api = _Api(kept, prometheus_url)
    return Starlette(
        routes=[
            Route("/api/dashboards/db", api.save, methods=["POST"]),
            Route("/api/dashboards/uid/{uid}", api.board, methods=["GET", "DELETE"]),
            Route("/api/folders", api.make_folder, methods=["POST"]),
            Route("/api/folders/{uid}", api.folder, methods=["GET", "DELETE"]),
            Route("/api/search", api.search, methods=["GET"]),
            Route("/api/datasources", api.sources, methods=["GET"]),
            Route("/api/ds/query", api.query, methods=["POST"]),
        ],
        middleware=[Middleware(_Token)],
    )


class _Api:
    def __init__(self, kept: Kept, prometheus_url: str) -> None:
        self._kept = kept
        self._prometheus = prometheus_url

    async def save(self, request: Request) -> Response:
        """POST /api/dashboards/db."""
        asked = await request.json()
        board, folder = asked["dashboard"], asked.get("folderUid", "")
        if refusal := self._refusal(board, folder, overwrite=bool(asked.get("overwrite"))):
            return refusal
        uid, before = board["uid"], self._kept.boards.get(board["uid"])
        number = before["id"] if before else len(self._kept.boards) + 1
        version = (before["version"] if before else 0) + 1
        self._kept.boards[uid] = board | {"id": number, "version": version, "fiscalYearStartMonth": 0}
        self._kept.folder_of[uid] = folder
        self._kept.writes += 1
        return JSONResponse({"status": "success", "uid": uid, "id": number, "version": version, "url": f"/d/{uid}"})

    def _refusal(self, board: Json, folder: str, *, overwrite: bool) -> Response | None:
        uid, kept = board.get("uid"), self._kept
        before = kept.boards.get(str(uid))
        titles = {
            one["title"] for other, one in kept.boards.items() if kept.folder_of[other] == folder and other != uid
        }
        checks: tuple[tuple[bool, str, int], ...] = (
            (not kept.may_write, "You'll need additional permissions to perform this action", 403),
            (not board.get("title"), "Dashboard title cannot be empty", 400),
            (board.get("schemaVersion") not in _SCHEMA_VERSIONS, "schema version out of range", 400),
            (uid in kept.provisioned, "Cannot save provisioned dashboard", 400),
            (bool(folder) and folder not in kept.folders, "folder not found", 400),
        )
        for is_wrong, message, status in checks:
            if is_wrong:
                return _said(message, status)
        if before and not overwrite and board.get("version") != before["version"]:
            return JSONResponse(
                {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}, 412
            )
        if board["title"] in titles and not overwrite:
            message = "A dashboard with the same name in the folder already exists"
            return JSONResponse({"status": "name-exists", "message": message}, 412)
        return None

    async def board(self, request: Request) -> Response:
        """GET and DELETE /api/dashboards/uid/{uid}."""
        uid, kept = request.path_params["uid"], self._kept
        found = kept.boards.get(uid)
        if found is None:
            return _said("Dashboard not found", 404)
        if request.method == "DELETE":
            if uid in kept.provisioned:
                return _said("provisioned dashboard cannot be deleted", 400)
            del kept.boards[uid], kept.folder_of[uid]
            return JSONResponse({"title": found["title"], "message": "deleted"})
        meta = {"folderUid": kept.folder_of[uid], "provisioned": uid in kept.provisioned, "version": found["version"]}
        return JSONResponse({"dashboard": found, "meta": meta})

    async def make_folder(self, request: Request) -> Response:
        """POST /api/folders."""
        asked = await request.json()
        if asked["uid"] in self._kept.folders:
            return _said("the folder has been changed by someone else", 412)
        self._kept.folders[asked["uid"]] = asked["title"]
        return JSONResponse({"uid": asked["uid"], "title": asked["title"], "version": 1})

    async def folder(self, request: Request) -> Response:
        """GET and DELETE /api/folders/{uid}; what stands in a folder goes with it."""
        uid, kept = request.path_params["uid"], self._kept
        if uid not in kept.folders:
            return _said("folder not found", 404)
        if request.method == "DELETE":
            for board in [one for one, folder in kept.folder_of.items() if folder == uid]:
                del kept.boards[board], kept.folder_of[board]
            del kept.folders[uid]
        return JSONResponse({"uid": uid})

    async def search(self, request: Request) -> Response:
        """GET /api/search, by folder."""
        folder = request.query_params.get("folderUIDs")
        return JSONResponse([{"uid": uid} for uid, its in self._kept.folder_of.items() if its == folder])

    async def sources(self, _: Request) -> Response:
        """GET /api/datasources."""
        return JSONResponse(
            [
                {"uid": SOURCE, "type": "prometheus", "name": "Prometheus", "isDefault": True},
                {"uid": "made-up-loki", "type": "loki", "name": "Loki", "isDefault": False},
            ]
        )

    async def query(self, request: Request) -> Response:
        """POST /api/ds/query."""
        asked = await request.json()
        span_s = (int(asked["from"]) / 1000, int(asked["to"]) / 1000)
        results = {one["refId"]: await self._result(one, *span_s) for one in asked["queries"]}
        is_well = not any("error" in one for one in results.values())
        return JSONResponse({"results": results}, 200 if is_well else 400)

    async def _result(self, query: Json, from_s: float, to_s: float) -> Json:
        if query["datasource"]["uid"] != SOURCE:
            return {"status": 404, "error": "data source not found"}
        expression = _filled(query["expr"])
        if any(piece in expression for piece in self._kept.broken):
            return {"status": 400, "error": "bad_data: made up by the double"}
        if any(piece in expression for piece in self._kept.silent):
            return {"status": 200, "frames": []}
        if not self._prometheus:
            return {"status": 200, "frames": [_frame([to_s], [1.0])]}
        return await self._asked(expression, from_s, to_s)

    async def _asked(self, expression: str, from_s: float, to_s: float) -> Json:
        asked = {"query": expression, "start": f"{from_s:.3f}", "end": f"{to_s:.3f}", "step": "15"}
        async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
            answer = (await client.post(f"{self._prometheus}/api/v1/query_range", data=asked)).json()
        if answer["status"] != "success":
            return {"status": 400, "error": f"{answer['errorType']}: {answer['error']}"}
        series = [one["values"] for one in answer["data"]["result"]]
        return {
            "status": 200,
            "frames": [_frame([at for at, _ in one], [_number(v) for _, v in one]) for one in series],
        }


def _filled(expression: str) -> str:
    return re.sub(r"\$__(\w+)", lambda found: _BUILT_IN.get(found[1], found[0]), expression)


def _frame(times_s: list[float], values: list[float | None]) -> Json:
    fields = [{"name": "Time", "type": "time"}, {"name": "Value", "type": "number"}]
    return {"schema": {"fields": fields}, "data": {"values": [[round(one * 1000) for one in times_s], values]}}


def _number(text: str) -> float | None:
    value = float(text)
    return value if abs(value) < float("inf") else None


def _said(message: str, status: int) -> Response:
    return Response(json.dumps({"message": message}), status, media_type="application/json")
