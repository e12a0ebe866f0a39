"""A double of SMN's topics and subscriptions: both are made once, however often that is asked for.

Source: Huawei Cloud, SMN API reference and SDK. Codes of errors are made up.
"""

from __future__ import annotations

from typing import Final

import orjson

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.management.store import Answered, AnswerError, Asked, Row, Store, only

_PROTOCOLS: Final = {"email", "sms", "wechat", "dingding", "feishu", "welink", "http", "https"}
_CONFIRMING: Final = {"email", "sms", "http", "https"}  # who is there has to say yes
_REMARK_AT_MOST: Final = 128  # bytes
_DISPLAY_AT_MOST: Final = 192  # bytes
_PAGE_AT_MOST: Final = 100


class Smn:
    """Topics, and who is subscribed to them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_topic(self, asked: Asked) -> Answered:
        """POST /v2/{project_id}/notifications/topics; of a name that is there, the topic stays as it is."""
        body = only(asked.json, {"name", "display_name"}, "the topic")
        urn = self._store.urn(body["name"])
        self._check_display(body)
        row = {"topic_urn": urn, "name": body["name"], "display_name": body.get("display_name", ""), "push_policy": 0}
        self._store.topics.setdefault(urn, row)
        return Answered({"request_id": "made-up", "topic_urn": urn}, 201)

    def list_topics(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/notifications/topics."""
        found = list(self._store.topics.values())
        shown = [{key: value for key, value in row.items() if key != "access_policy"} for row in _page(found, asked)]
        return Answered({"topic_count": len(found), "topics": shown})

    def update_topic(self, asked: Asked) -> Answered:
        """PUT …/topics/{urn}."""
        body = only(asked.json, {"display_name"}, "the topic")
        self._check_display(body)
        self._topic(asked)["display_name"] = body["display_name"]
        return Answered({"request_id": "made-up"})

    def delete_topic(self, asked: Asked) -> Answered:
        """DELETE …/topics/{urn}, with its subscriptions; one that an action rule sends to is refused, which is ours."""
        topic = self._topic(asked)
        urn = topic["topic_urn"]
        if any(one["topic_urn"] == urn for row in self._store.action_rules.values() for one in row["smn_topics"]):
            raise AnswerError(400, "SMN.00012", f"{topic['name']} is in use")
        del self._store.topics[urn]
        mine = [key for key, row in self._store.subscriptions.items() if row["topic_urn"] == urn]
        for key in mine:
            del self._store.subscriptions[key]
        return Answered({"request_id": "made-up"})

    def show_attributes(self, asked: Asked) -> Answered:
        """GET …/topics/{urn}/attributes."""
        policy = self._topic(asked).get("access_policy", "")
        return Answered({"request_id": "made-up", "attributes": {"access_policy": policy, "introduction": ""}})

    def write_attribute(self, asked: Asked) -> Answered:
        """PUT …/topics/{urn}/attributes/access_policy."""
        if asked.params["attribute"] != "access_policy":
            raise AnswerError(400, "SMN.0047", f"no attribute {asked.params['attribute']}")
        topic = self._topic(asked)
        try:
            policy = orjson.loads(only(asked.json, {"value"}, "the attribute")["value"])
            is_valid = policy["Version"] == "2016-09-07" and policy["Id"] and policy["Statement"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            is_valid = False
        if not is_valid:
            raise AnswerError(400, "SMN.0048", "Parameter: Access policy is invalid.")
        topic["access_policy"] = policy
        return Answered({"request_id": "made-up"})

    def subscribe(self, asked: Asked) -> Answered:
        """POST …/topics/{urn}/subscriptions: 201, or 200 where the address is subscribed already."""
        body = only(asked.json, {"protocol", "endpoint", "remark", "extension"}, "the subscription")
        topic = self._topic(asked)
        if body.get("protocol") not in _PROTOCOLS or not body.get("endpoint"):
            raise AnswerError(400, "SMN.00011", f"protocol {body.get('protocol')!r}, endpoint {body.get('endpoint')!r}")
        if len(body.get("remark", "").encode()) > _REMARK_AT_MOST:
            raise AnswerError(400, "SMN.00013", "the remark is too long")
        only(body.get("extension", {}), {"keyword", "sign_secret", "header"}, "the extension")
        key = (topic["topic_urn"], body["protocol"], body["endpoint"])
        for urn, row in self._store.subscriptions.items():
            if (row["topic_urn"], row["protocol"], row["endpoint"]) == key:
                return Answered({"request_id": "made-up", "subscription_urn": urn}, 200)
        urn = self._store.urn(topic["name"], f"{self._store.number():032x}")
        status = 0 if body["protocol"] in _CONFIRMING else 1
        row = {"topic_urn": key[0], "subscription_urn": urn, "owner": ACCOUNT.project_id, "status": status}
        given = {"protocol": body["protocol"], "endpoint": body["endpoint"], "remark": body.get("remark", "")}
        self._store.subscriptions[urn] = {**row, **given, "sent_extension": body.get("extension", {})}
        return Answered({"request_id": "made-up", "subscription_urn": urn}, 201)

    def list_subscriptions(self, asked: Asked) -> Answered:
        """GET …/topics/{urn}/subscriptions; what was said of a robot's secret does not come back."""
        urn = self._topic(asked)["topic_urn"]
        found = [
            {key: value for key, value in row.items() if key != "sent_extension"}
            for row in self._store.subscriptions.values()
            if row["topic_urn"] == urn
        ]
        return Answered({"subscription_count": len(found), "subscriptions": _page(found, asked)})

    def unsubscribe(self, asked: Asked) -> Answered:
        """DELETE …/subscriptions/{urn}."""
        if self._store.subscriptions.pop(asked.params["subscription"], None) is None:
            raise AnswerError(404, "SMN.00008", "no such subscription")
        return Answered({"request_id": "made-up"})

    def _topic(self, asked: Asked) -> Row:
        found = self._store.topics.get(asked.params["topic"])
        if found is None:
            raise AnswerError(404, "SMN.00006", f"no topic {asked.params['topic']}")
        return found

    def _check_display(self, body: Row) -> None:
        if len(body.get("display_name", "").encode()) > _DISPLAY_AT_MOST:
            raise AnswerError(400, "SMN.00014", "the display name is too long")


def _page(found: list[Row], asked: Asked) -> list[Row]:
    limit, offset = asked.whole("limit", _PAGE_AT_MOST), asked.whole("offset", 0)
    if limit > _PAGE_AT_MOST:
        raise AnswerError(400, "SMN.00015", f"limit {limit}")
    if offset and offset >= len(found):
        raise AnswerError(400, "SMN.00016", f"offset {offset} of {len(found)}")
    return found[offset : offset + limit]
