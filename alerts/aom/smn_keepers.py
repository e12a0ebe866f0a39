"""How are topics of SMN and their subscriptions read and written?

A topic's mark stands in its display name, which people see as the sender of an e-mail; a subscription's in its remark.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alerts.aom.account import State, is_ours
from alerts.aom.calls import Cloud
from alerts.aom.deployment import Deployment
from alerts.aom.desired import subscription_name
from alerts.aom.resource import Found, Kind, Mark, Resource, without_mark

_PAGE: Final = 100
_FINGERPRINT: Final = re.compile(r"to=(?P<to>[0-9a-f]{12})\b")


@dataclass(frozen=True, slots=True)
class Topics:
    """What action rules send to."""

    cloud: Cloud
    kind = Kind.TOPIC

    def read(self, state: State) -> list[Found]:
        """Return all topics of the project."""
        del state
        return [
            Found(
                self.kind,
                str(one["name"]),
                {"display_name": without_mark(str(one.get("display_name") or ""))},
                Mark.of(str(one.get("display_name") or "")),
                str(one["topic_urn"]),
            )
            for one in _pages(self.cloud, "list_topics", "topics", {})
        ]

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Make a topic."""
        del state
        body = {"name": wanted.name, "display_name": f"{wanted.form['display_name']} {mark}"}
        self.cloud.ask("smn", "create_topic", body=body)

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Give a topic its display name again."""
        del state
        body = {"display_name": f"{wanted.form['display_name']} {mark}"}
        self.cloud.ask("smn", "update_topic", topic_urn=found.key, body=body)

    def delete(self, found: Found, state: State) -> None:
        """Remove a topic, with all its subscriptions."""
        del state
        self.cloud.ask("smn", "delete_topic", topic_urn=found.key)


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Whom our topics reach. SMN changes nothing but a remark, so another address or secret is another subscription."""

    cloud: Cloud
    deployment: Deployment
    kind = Kind.SUBSCRIPTION

    def read(self, state: State) -> list[Found]:
        """Return the subscriptions of our topics, those that somebody else made there too."""
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
        )


def _pages(cloud: Cloud, operation: str, key: str, given: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    offset = 0
    while True:
        page = (cloud.ask("smn", operation, **given, offset=offset, limit=_PAGE) or {}).get(key) or []
        yield from page
        if not page:  # a page that is short need not be the last
            return
        offset += len(page)
