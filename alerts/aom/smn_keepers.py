"""How are topics of SMN and their subscriptions read and written?

A topic's mark stands in its display name, which people see as the sender of an e-mail; a subscription's in its remark.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from alerts.aom.account import State, is_ours
from alerts.aom.calls import Cloud
from alerts.aom.deployment import Deployment
from alerts.aom.desired import subscription_name
from alerts.aom.resource import Found, Kind, Mark, Resource, without_mark

_PAGE: Final = 100
_CONFIRMED: Final = 1
_POLICY: Final = "access_policy"
_FINGERPRINT: Final = re.compile(r"to=(?P<to>[0-9a-f]{12})\b")


@dataclass(frozen=True, slots=True)
class Topics:
    """What action rules send to, each with a policy that says which services may."""

    cloud: Cloud
    deployment: Deployment
    kind = Kind.TOPIC

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all topics of the project, ours with who may publish to them."""
        del state, only
        return [self._found(one) for one in _pages(self.cloud, "list_topics", "topics", {})]

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Make a topic."""
        del state
        body = {"name": wanted.name, "display_name": f"{wanted.form['display_name']} {mark}"}
        answer = self.cloud.ask("smn", "create_topic", body=body) or {}
        self._allow(str(answer["topic_urn"]), wanted)

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Give a topic its display name and its policy again."""
        del state
        body = {"display_name": f"{wanted.form['display_name']} {mark}"}
        self.cloud.ask("smn", "update_topic", topic_urn=found.key, body=body)
        self._allow(found.key, wanted)

    def delete(self, found: Found, state: State) -> None:
        """Remove a topic, with all its subscriptions."""
        del state
        self.cloud.ask("smn", "delete_topic", topic_urn=found.key)

    def _found(self, one: Mapping[str, Any]) -> Found:
        name, urn, display = str(one["name"]), str(one["topic_urn"]), str(one.get("display_name") or "")
        found = Found(self.kind, name, {"display_name": without_mark(display)}, Mark.of(display), urn)
        if not is_ours(found, self.deployment.prefix):
            return found
        answer = self.cloud.ask("smn", "list_topic_attributes", topic_urn=urn, name=_POLICY) or {}
        return replace(found, form={**found.form, "publishers": _publishers(answer)})

    def _allow(self, urn: str, wanted: Resource) -> None:
        statement = {
            "Sid": "__service_pub_0",
            "Effect": "Allow",
            "Principal": {"Service": wanted.form["publishers"]},
            "Action": ["SMN:Publish", "SMN:QueryTopicDetail"],
            "Resource": urn,
        }
        policy = {"Version": "2016-09-07", "Id": "__default_policy_ID", "Statement": [statement]}
        body = {"value": orjson.dumps(policy).decode()}
        self.cloud.ask("smn", "update_topic_attribute", topic_urn=urn, name=_POLICY, body=body)


def _publishers(answer: Mapping[str, Any]) -> list[str]:
    """Return the services that a topic's policy lets publish; the policy may be an object, or one in a string."""
    policy = (answer.get("attributes") or {}).get(_POLICY) or {}
    if isinstance(policy, str):
        try:
            policy = orjson.loads(policy)
        except orjson.JSONDecodeError:
            return []
    allowed = [one.get("Principal") or {} for one in policy.get("Statement") or [] if one.get("Effect") == "Allow"]
    services = [one.get("Service") or [] for one in allowed]
    return sorted({str(name) for one in services for name in ([one] if isinstance(one, str) else one)})


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Whom our topics reach. SMN changes nothing but a remark, so another address or secret is another subscription."""

    cloud: Cloud
    deployment: Deployment
    kind = Kind.SUBSCRIPTION

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return the subscriptions of our topics, those that somebody else made there too."""
        del only
        topics = [one for one in state.of(Kind.TOPIC) if is_ours(one, self.deployment.prefix)]
        return [
            self._found(topic.name, one)
            for topic in topics
            for one in _pages(self.cloud, "list_subscriptions_by_topic", "subscriptions", {"topic_urn": topic.key})
        ]

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Subscribe; who is reached by e-mail or SMS has to confirm it."""
        extension = {key: wanted.sent[key] for key in ("keyword", "sign_secret") if wanted.sent[key]}
        body = {
            "protocol": wanted.form["protocol"],
            "endpoint": wanted.sent["endpoint"],
            "remark": f"to={wanted.form['to']} {mark}",
            **({"extension": extension} if extension else {}),
        }
        self.cloud.ask("smn", "add_subscription", topic_urn=state.keys(Kind.TOPIC)[wanted.form["topic"]], body=body)

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Subscribe anew."""
        self.delete(found, state)
        self.create(wanted, mark, state)

    def delete(self, found: Found, state: State) -> None:
        """Unsubscribe."""
        del state
        self.cloud.ask("smn", "cancel_subscription", subscription_urn=found.key)

    def _found(self, topic: str, one: Mapping[str, Any]) -> Found:
        endpoint, remark = str(one.get("endpoint") or ""), str(one.get("remark") or "")
        noted = _FINGERPRINT.search(remark)
        actual = hashlib.sha256(endpoint.encode()).hexdigest()[:12]
        # Where SMN shows only a part of an address, what we noted is all that is known.
        to = noted["to"] if noted and "*" in endpoint else actual
        protocol = str(one.get("protocol") or "")
        return Found(
            self.kind,
            subscription_name(topic, protocol, to),
            {"topic": topic, "protocol": protocol, "to": to},
            Mark.of(remark),
            str(one.get("subscription_urn") or ""),
            ""
            if one.get("status", _CONFIRMED) == _CONFIRMED
            else "who is there has not confirmed it, and is told nothing",
        )


def _pages(cloud: Cloud, operation: str, key: str, given: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield everything; SMN takes no offset that is not below the number of things, so that number ends it."""
    offset = 0
    while True:
        answer = cloud.ask("smn", operation, **given, offset=offset, limit=_PAGE) or {}
        page = answer.get(key) or []
        yield from page
        offset += len(page)
        if not page or offset >= int(answer.get(f"{key.removesuffix('s')}_count") or 0):
            return
