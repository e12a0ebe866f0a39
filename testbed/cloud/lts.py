"""A double of LTS: records with a time of their own, by REST. What is too far from now is dropped without a word.

Source: Huawei Cloud, LTS user guide, "Reporting High-Precision Logs" (lts_04_0217).
"""

from __future__ import annotations

import gzip
import time
from typing import Any

import orjson

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.iam import Iam
from testbed.cloud.kept import Kept
from testbed.stub.stage import Call, Refusal, Reply, json_reply

PATH = "/v2/{project_id}/lts/groups/{group_id}/streams/{stream_id}/tenant/contents/high-accuracy"
SEARCH_PATH = "/v2/{project_id}/groups/{group_id}/streams/{stream_id}/content/query"
_KEPT_S = 48 * 3600.0
_LARGEST_BODY = 10 * 1024 * 1024  # ours: the documents name no limit for a request
_OK = "SVCSTG.ALS.200.200"


class Lts:
    """Takes records of one stream."""

    def __init__(self, iam: Iam, kept: Kept) -> None:
        self._iam = iam
        self._kept = kept

    def take(self, call: Call) -> Reply:
        """POST …/tenant/contents/high-accuracy."""
        self._check(call)
        now = time.time()
        for record in _records(call):
            if abs(int(record["log_time_ns"]) / 1e9 - now) > _KEPT_S:
                self._kept.dropped_lines += 1
            else:
                self._kept.lines.append(record["log"])
        return json_reply({"errorCode": _OK, "error_msg": "Report success.", "result": None})

    def search(self, call: Call) -> Reply:
        """POST …/content/query, of which the keywords alone are looked at: a double keeps no times of lines."""
        self._check(call)
        try:
            word = str(orjson.loads(call.body)["keywords"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise _refusal(400, "LTS.0009", "Invalid request body") from error
        found = [line for line in self._kept.lines if word in line]
        logs = [{"content": line, "line_num": str(number), "labels": {}} for number, line in enumerate(found)]
        return json_reply({"count": len(found), "logs": logs, "isQueryComplete": True})

    def _check(self, call: Call) -> None:
        if not self._iam.holds(call.headers.get(b"x-auth-token", b"").decode("latin-1")):
            raise _refusal(401, "SVCSTG.ALS.403.105", "Project id is invalid.")
        wanted = {
            "project_id": ACCOUNT.project_id,
            "group_id": ACCOUNT.log_group_id,
            "stream_id": ACCOUNT.log_stream_id,
        }
        if dict(call.params) != wanted:
            raise _refusal(404, "SVCSTG.ALS.404.1", "The log group or log stream does not exist.")


class Failures:
    """What LTS and the others say when a fault is set on purpose."""

    def __init__(self, retry_after_s: float | None = None) -> None:
        self._retry_after_s = retry_after_s

    def error(self, status: int) -> Reply:
        """Return the body of an error with this status."""
        reply = json_reply(_body(f"SVCSTG.ALS.{status}.1", "Failure set on purpose"), status)
        if status in {429, 503}:
            return Reply(reply.body, status, headers=((b"retry-after", b"2"),))
        return reply

    def error_events(self) -> list[bytes]:
        """Nothing here is a stream."""
        raise NotImplementedError  # the stage asks for it when a stream is to fail, and there is none


def _records(call: Call) -> list[dict[str, Any]]:
    if call.headers.get(b"content-type", b"").lower().replace(b" ", b"") != b"application/json;charset=utf-8":
        raise _refusal(400, "SVCSTG.ALS.400.1", "Content-Type")
    try:
        text = gzip.decompress(call.body) if call.headers.get(b"content-encoding") == b"gzip" else call.body
        body = orjson.loads(text)
    except (OSError, EOFError, orjson.JSONDecodeError) as error:
        raise _refusal(400, "SVCSTG.ALS.400.1", "The body cannot be read.") from error
    if len(text) > _LARGEST_BODY:
        raise _refusal(413, "SVCSTG.ALS.413.1", "The body is too large.")
    is_fit = (
        isinstance(body, dict)
        and isinstance(body.get("labels"), dict)
        and body["labels"]
        and isinstance(body.get("contents"), list)
        and body["contents"]
        and all(_is_record(one) for one in body["contents"])
    )
    if not is_fit:
        raise _refusal(400, "SVCSTG.ALS.400.1", "labels and contents, each with log_time_ns and log, are required.")
    return list(body["contents"])


def _is_record(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("log"), str) and str(one.get("log_time_ns", "")).isdigit()


def _refusal(status: int, code: str, message: str) -> Refusal:
    return Refusal(json_reply(_body(code, message), status))


def _body(code: str, message: str) -> dict[str, object]:
    return {"errorCode": code, "error_msg": message, "result": None}
