"""How do robots, a WeCom application, SMN and a watchdog answer? By HTTP; robots refuse with 200 and an errcode.

Sources: DingTalk open platform, "Custom robot access"; WeCom developer centre, documents 91770 (group robots), 91039
and 90236 (applications); Huawei Cloud, SMN API reference, "Publishing a Message". A real robot of DingTalk that was too
fast stays silent for ten minutes; this one for what is left of its window.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from starlette.applications import Starlette
from starlette.routing import Route

from testbed.cloud.signature import Signed, fault
from testbed.notification.accounts import ACCOUNT
from testbed.notification.kept import Kept
from testbed.stub.behaviour import Behaviour, Operations, ServiceTime
from testbed.stub.control import Controls
from testbed.stub.stage import Call, Refusal, Reply, Stage, json_reply

OPERATIONS: Final = Operations(names=("dingtalk", "wecom", "wecom_application", "smn", "watchdog"))
DEFAULTS: Final = Behaviour(service_times={"*": ServiceTime(2)}, settings={"most": 20.0, "window_s": 60.0})
_SMN_PATH: Final = "/v2/{project_id}/notifications/topics/{topic_urn}/publish"
_DINGTALK_BYTES: Final = 20_000
_WECOM_BYTES: Final = 4_096
_APPLICATION_BYTES: Final = 2_048
_SMS_CHARACTERS: Final = 490
_SIGNATURE_HOLDS_MS: Final = 3_600_000


def notification_app(controls: Controls, kept: Kept) -> Starlette:
    """Return the application of the main port."""
    stage, doors = Stage(controls, _Failures()), Channels(kept)
    return Starlette(
        routes=[
            Route("/robot/send", stage.endpoint("dingtalk", doors.dingtalk), methods=["POST"]),
            Route("/cgi-bin/webhook/send", stage.endpoint("wecom", doors.wecom), methods=["POST"]),
            Route("/cgi-bin/gettoken", stage.endpoint("wecom_application", doors.token), methods=["GET"]),
            Route("/cgi-bin/message/send", stage.endpoint("wecom_application", doors.application), methods=["POST"]),
            Route(_SMN_PATH, stage.endpoint("smn", doors.smn), methods=["POST"]),
            Route("/watchdog/{token}", stage.endpoint("watchdog", doors.watchdog), methods=["GET"]),
        ]
    )


class Channels:
    """Takes messages, or says in each service's own way why not."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._tokens: set[str] = set()

    def dingtalk(self, call: Call) -> Reply:
        """POST /robot/send?access_token=…&timestamp=…&sign=…"""
        text, title = _text(call, "text"), _text(call, "title")
        fault = _unsigned(call)
        if fault is None and not (text and title):
            fault = (40035, "missing parameter markdown")
        if fault is None and len(call.body) > _DINGTALK_BYTES:
            fault = (460101, "message too long, exceed 20000 bytes")
        if fault is None and self._is_too_fast("dingtalk", call):
            fault = (130101, "send too fast, exceed 20 times per minute")
        if fault is not None:
            return self._no("dingtalk", *fault)
        self._kept.take("dingtalk", text, title=title)
        return json_reply({"errcode": 0, "errmsg": "ok"})

    def wecom(self, call: Call) -> Reply:
        """POST /cgi-bin/webhook/send?key=…"""
        if _one(call, "key") != ACCOUNT.wecom_key:
            return self._no("wecom", 93000, "invalid webhook url")
        text = _text(call, "content")
        if not text:
            return self._no("wecom", 40008, "invalid message type")
        if len(text.encode()) > _WECOM_BYTES:
            return self._no("wecom", 40058, "markdown.content exceed max length 4096")
        if self._is_too_fast("wecom", call):
            return self._no("wecom", 45009, "api freq out of limit")
        self._kept.take("wecom", text)
        return json_reply({"errcode": 0, "errmsg": "ok"})

    def token(self, call: Call) -> Reply:
        """GET /cgi-bin/gettoken?corpid=…&corpsecret=…"""
        if (_one(call, "corpid"), _one(call, "corpsecret")) != (ACCOUNT.corp_id, ACCOUNT.corp_secret):
            return self._no("wecom_application", 40001, "invalid credential")
        token = secrets.token_hex(32)
        self._tokens.add(token)
        return json_reply({"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200})

    def application(self, call: Call) -> Reply:
        """POST /cgi-bin/message/send?access_token=…"""
        if _one(call, "access_token") not in self._tokens:
            return self._no("wecom_application", 40014, "invalid access_token")
        body = _json(call)
        if str(body.get("agentid")) != ACCOUNT.agent_id:
            return self._no("wecom_application", 40056, "invalid agentid")
        text = str((body.get(str(body.get("msgtype"))) or {}).get("content", ""))
        if not text or not any(body.get(key) for key in ("touser", "toparty", "totag")):
            return self._no("wecom_application", 40035, "invalid parameter")
        shown = text.encode()[:_APPLICATION_BYTES].decode(errors="ignore")  # the rest is cut off without a word
        self._kept.take("wecom_application", shown, to=str(body.get("toparty") or body.get("touser")))
        return json_reply({"errcode": 0, "errmsg": "ok", "msgid": secrets.token_hex(8)})

    def smn(self, call: Call) -> Reply:
        """POST …/topics/{topic_urn}/publish, signed with an access key."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers.items()}
        path = _SMN_PATH.format(**call.params)
        query = call.query_string.decode("latin-1")
        request = Signed("POST", path, query, headers, call.body)
        wrong = fault(request, {ACCOUNT.access_key: ACCOUNT.secret_key}, datetime.now(UTC))
        if wrong:
            raise self._refusal(401, "APIGW.0301", f"Incorrect IAM authentication information: {wrong}")
        if call.params["topic_urn"] != ACCOUNT.topic_urn or call.params["project_id"] != ACCOUNT.project_id:
            raise self._refusal(404, "SMN.0011", "Topic not found")
        body = _json(call)
        text = str(body.get("message", ""))
        if not text:
            raise self._refusal(400, "SMN.0004", "message is required")
        if len(text) > _SMS_CHARACTERS or any(one in text for one in "[]【】"):
            raise self._refusal(400, "SMN.0005", "a telephone company would hold this back")  # ours: SMN takes it
        if self._is_too_fast("smn", call):
            raise self._refusal(429, "APIGW.0308", "The throttling threshold has been reached")
        self._kept.take("smn", text, title=str(body.get("subject", "")))
        return json_reply({"message_id": secrets.token_hex(16), "request_id": secrets.token_hex(16)})

    def watchdog(self, call: Call) -> Reply:
        """GET /watchdog/{token}: it was called."""
        if call.params["token"] != ACCOUNT.watchdog_token:
            raise self._refusal(404, "", "no such check")
        self._kept.take("watchdog", "called")
        return Reply(b"OK", content_type=b"text/plain")

    def _is_too_fast(self, channel: str, call: Call) -> bool:
        settings = call.behaviour.settings
        return self._kept.is_too_fast(channel, settings["most"], settings["window_s"])

    def _no(self, channel: str, code: int, message: str) -> Reply:
        self._kept.refuse(channel)
        return json_reply({"errcode": code, "errmsg": message})

    def _refusal(self, status: int, code: str, message: str) -> Refusal:
        self._kept.refuse("smn")
        return Refusal(json_reply({"error_code": code, "error_msg": message}, status))


class _Failures:
    def error(self, status: int) -> Reply:
        """Return the body of an error with this status."""
        return json_reply({"error_code": str(status), "error_msg": "set on purpose"}, status)

    def error_events(self) -> list[bytes]:
        """Nothing here is a stream."""
        raise NotImplementedError  # the stage asks for it when a stream is to fail, and there is none


def _unsigned(call: Call) -> tuple[int, str] | None:
    """Return what is wrong with the token and the signature of a message to DingTalk."""
    if _one(call, "access_token") != ACCOUNT.dingtalk_token:
        return 300005, "token is not exist"
    at = _one(call, "timestamp")
    if not at.isdigit() or abs(int(at) - time.time() * 1000) > _SIGNATURE_HOLDS_MS:
        return 310000, "invalid timestamp"
    signed = hmac.new(ACCOUNT.dingtalk_secret.encode(), f"{at}\n{ACCOUNT.dingtalk_secret}".encode(), hashlib.sha256)
    return None if _one(call, "sign") == base64.b64encode(signed.digest()).decode() else (310000, "sign not match")


def _one(call: Call, name: str) -> str:
    return next(iter(parse_qs(call.query_string.decode("latin-1")).get(name, [])), "")


def _json(call: Call) -> dict[str, Any]:
    try:
        found = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(call: Call, key: str) -> str:
    """Return a text of a robot's markdown message, empty when it is none."""
    body = _json(call)
    markdown = body.get("markdown")
    found = markdown.get(key) if body.get("msgtype") == "markdown" and isinstance(markdown, dict) else None
    return found if isinstance(found, str) else ""
