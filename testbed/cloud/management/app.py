"""Which paths do the doubles serve, and what happens to a request before one of them sees it?

Every request's signature is checked; then faults that were set on purpose have their turn.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.management.aom import Aom
from testbed.cloud.management.faults import Faults
from testbed.cloud.management.lts import Lts
from testbed.cloud.management.smn import Smn
from testbed.cloud.management.store import Answered, AnswerError, Asked, Store
from testbed.cloud.signature import Signed, fault
from testbed.stub.control import Controls

Handler = Callable[[Asked], Answered]
_QUESTIONS: Final = {("POST", "/v2/{project}/events")}  # one that is asked with POST


class Management:
    """The three services behind one port, with what they hold and how they fail."""

    def __init__(self, controls: Controls) -> None:
        self.store = Store()
        self.faults = Faults()
        self.requests: list[str] = []
        self.refused: list[str] = []
        self._controls = controls

    def app(self) -> Starlette:
        """Return the application of the main port."""
        return Starlette(routes=[self._route(*one) for one in self._table()])

    def _table(self) -> list[tuple[str, str, Handler]]:
        aom, smn, lts = Aom(self.store), Smn(self.store), Lts(self.store)
        rules, actions, mutes = (
            "/v4/{project}/alarm-rules",
            "/v2/{project}/alert/action-rules",
            "/v2/{project}/alert/mute-rules",
        )
        templates = "/v2/{project}/events/notification/templates"
        topics = "/v2/{project}/notifications/topics"
        groups, log_alarms = "/v2/{project}/groups", "/v2/{project}/lts/alarms/keywords-alarm-rule"
        index = "/v1.0/{project}/groups/{group}/stream/{stream}/index/config"
        return [
            ("POST", rules, aom.write_rule),
            ("GET", rules, aom.list_rules),
            ("DELETE", rules, aom.delete_rules),
            ("POST", actions, aom.write_action_rule),
            ("PUT", actions, aom.write_action_rule),
            ("GET", actions, aom.list_action_rules),
            ("DELETE", actions, aom.delete_action_rules),
            ("POST", templates, aom.write_template),
            ("PUT", templates, aom.write_template),
            ("GET", templates, aom.list_templates),
            ("DELETE", templates, aom.delete_templates),
            ("POST", mutes, aom.write_mute_rule),
            ("PUT", mutes, aom.write_mute_rule),
            ("GET", mutes, aom.list_mute_rules),
            ("DELETE", mutes, aom.delete_mute_rules),
            ("PUT", "/v2/{project}/push/events", aom.push_events),
            ("POST", "/v2/{project}/events", aom.list_events),
            ("GET", "/v2/{project}/alarm-notified-histories", aom.list_notified),
            ("POST", topics, smn.create_topic),
            ("GET", topics, smn.list_topics),
            ("PUT", topics + "/{topic}", smn.update_topic),
            ("DELETE", topics + "/{topic}", smn.delete_topic),
            ("GET", topics + "/{topic}/attributes", smn.show_attributes),
            ("PUT", topics + "/{topic}/attributes/{attribute}", smn.write_attribute),
            ("POST", topics + "/{topic}/subscriptions", smn.subscribe),
            ("GET", topics + "/{topic}/subscriptions", smn.list_subscriptions),
            ("DELETE", "/v2/{project}/notifications/subscriptions/{subscription}", smn.unsubscribe),
            ("POST", groups, lts.create_group),
            ("GET", groups, lts.list_groups),
            ("POST", groups + "/{group}", lts.update_group),
            ("DELETE", groups + "/{group}", lts.delete_group),
            ("POST", groups + "/{group}/streams", lts.create_stream),
            ("GET", groups + "/{group}/streams", lts.list_streams),
            ("PUT", groups + "/{group}/streams-ttl/{stream}", lts.update_stream),
            ("DELETE", groups + "/{group}/streams/{stream}", lts.delete_stream),
            ("POST", index, lts.write_index),
            ("GET", index, lts.show_index),
            ("POST", log_alarms, lts.write_alarm),
            ("PUT", log_alarms, lts.write_alarm),
            ("GET", log_alarms, lts.list_alarms),
            ("DELETE", log_alarms + "/{alarm}", lts.delete_alarm),
        ]

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            said = f"{method} {request.url.path}"
            if answer := self._refusal(request, body):
                self.refused.append(said)
                return answer
            self.requests.append(said)
            if status := self.faults.status():
                code = "APIGW.0308" if status == 429 else "APIGW.0500"
                return _json({"error_code": code, "error_msg": "set on purpose"}, status)
            is_write = method != "GET" and (method, path) not in _QUESTIONS
            is_gone = is_write and self.faults.is_gone()
            if not is_gone or self.faults.is_last_done:
                answer = _answer(handler, request, body)
            if is_gone:
                await self._controls.door.shut()
            return answer or Response(status_code=503)

        return Route(path, endpoint, methods=[method])

    def _refusal(self, request: Request, body: bytes) -> Response | None:
        headers = {name.decode(): value.decode("latin-1") for name, value in request.scope["headers"]}
        path, query = request.scope["raw_path"].decode(), request.scope["query_string"].decode()
        signed = Signed(request.method, path, query, headers, body)
        wrong = fault(signed, {ACCOUNT.access_key: ACCOUNT.secret_key}, datetime.now(UTC))
        if wrong:
            said = f"Incorrect IAM authentication information: {wrong}"
            return _json({"error_code": "APIGW.0301", "error_msg": said, "request_id": "made-up"}, 401)
        if request.path_params["project"] != ACCOUNT.project_id:
            said = "the project is not one of this account"
            return _json({"error_code": "APIGW.0302", "error_msg": said, "request_id": "made-up"}, 403)
        return None


def _answer(handler: Handler, request: Request, body: bytes) -> Response:
    params = {**request.path_params, "method": request.method}
    try:
        made = handler(Asked(params, dict(request.query_params), body))
    except AnswerError as error:
        return _json(error.body, error.status)
    return Response(status_code=made.status) if made.body is None else _json(made.body, made.status)


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
