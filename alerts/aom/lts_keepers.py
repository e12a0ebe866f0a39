"""How are groups, streams, indexes and keyword alarms of LTS read and written?

The mark of a group or a stream stands in its tags, that of an alarm in its description. An index has neither: it is
ours with its stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from alerts.aom.account import State, is_ours
from alerts.aom.aom_bodies import described
from alerts.aom.calls import Cloud
from alerts.aom.deployment import Deployment
from alerts.aom.errors import RejectedError
from alerts.aom.resource import OWNER, Found, Kind, Mark, Resource, sha_of, without_mark

_OWNER_TAG: Final = "managed-by"
_PREFIX_TAG: Final = f"{OWNER}-prefix"
_SHA_TAG: Final = f"{OWNER}-sha"
_TOKENIZER: Final = ", '\";=()[]{}@&<>/:\\n\\t\\r"  # that of the service's own example
_MINUTE: Final = "minute"
_RECOVERS_AFTER: Final = 3  # periods; the service's default


@dataclass(frozen=True, slots=True)
class LogGroups:
    """Groups of streams."""

    cloud: Cloud
    kind = Kind.LOG_GROUP

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all groups of the project."""
        del state, only
        listed = (self.cloud.ask("lts", "list_log_groups") or {}).get("log_groups") or []
        return [
            Found(
                self.kind,
                str(one["log_group_name"]),
                {"retention_days": one.get("ttl_in_days")},
                _mark(one),
                str(one["log_group_id"]),
            )
            for one in listed
        ]

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Make a group."""
        del state
        body = {"log_group_name": wanted.name, "ttl_in_days": wanted.form["retention_days"], "tags": _tags(mark)}
        self.cloud.ask("lts", "create_log_group", body=body)

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Change how long a group's logs are kept."""
        del state
        body = {"ttl_in_days": wanted.form["retention_days"], "tags": _tags(mark)}
        self.cloud.ask("lts", "update_log_group", log_group_id=found.key, body=body)

    def delete(self, found: Found, state: State) -> None:
        """Remove a group with its streams and logs."""
        del state
        self.cloud.ask("lts", "delete_log_group", log_group_id=found.key)


@dataclass(frozen=True, slots=True)
class LogStreams:
    """Streams of the groups that are ours; a name is `group/stream`."""

    cloud: Cloud
    deployment: Deployment
    kind = Kind.LOG_STREAM

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return the streams of our groups, also those that somebody else made there."""
        del only
        found = []
        for group in state.of(Kind.LOG_GROUP):
            if not is_ours(group, self.deployment.prefix):
                continue
            answer = self.cloud.ask("lts", "list_log_stream", log_group_id=group.key) or {}
            for one in answer.get("log_streams") or []:
                form: dict[str, Any] = {"group": group.name}
                if self.deployment.has_stream_retention:
                    form["retention_days"] = one.get("ttl_in_days")
                name = f"{group.name}/{one['log_stream_name']}"
                found.append(Found(self.kind, name, form, _mark(one), str(one["log_stream_id"])))
        return found

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Make a stream."""
        group, _, name = wanted.name.partition("/")
        body = {"log_stream_name": name, **_retention(wanted), "tags": _tags(mark)}
        self.cloud.ask("lts", "create_log_stream", log_group_id=state.keys(Kind.LOG_GROUP)[group], body=body)

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Change how long a stream's logs are kept."""
        body = {**_retention(wanted), "tags": _tags(mark)}
        group = state.keys(Kind.LOG_GROUP)[wanted.form["group"]]
        self.cloud.ask("lts", "update_log_stream", log_group_id=group, log_stream_id=found.key, body=body)

    def delete(self, found: Found, state: State) -> None:
        """Remove a stream with its logs."""
        group = state.keys(Kind.LOG_GROUP)[found.form["group"]]
        self.cloud.ask("lts", "delete_log_stream", log_group_id=group, log_stream_id=found.key)


@dataclass(frozen=True, slots=True)
class LogIndexes:
    """What of a stream can be searched for; an index is written whole, and goes with its stream."""

    cloud: Cloud
    deployment: Deployment
    kind = Kind.LOG_INDEX

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return the indexes of our streams."""
        del only
        groups = state.keys(Kind.LOG_GROUP)
        found = []
        for stream in state.of(Kind.LOG_STREAM):
            if not is_ours(stream, self.deployment.prefix):
                continue
            where = {"group_id": groups[stream.form["group"]], "stream_id": stream.key}
            answer: Any = None
            with suppress(RejectedError):  # a stream without an index
                answer = self.cloud.ask("lts", "list_log_stream_index", **where)
            form = _index_form(answer)
            if form is not None:
                mark = Mark(self.deployment.prefix, sha_of(form))
                found.append(Found(self.kind, stream.name, form, mark, stream.key))
        return found

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Write an index."""
        del mark
        group, _, _ = wanted.name.partition("/")
        stream = state.keys(Kind.LOG_STREAM)[wanted.name]
        base = {"caseSensitive": False, "includeChinese": True, "tokenizer": _TOKENIZER}
        body = {
            "logStreamId": stream,
            "fullTextIndex": {"enable": wanted.form["full_text"], **base},
            "fields": [
                {
                    "fieldName": one["name"],
                    "fieldType": one["type"],
                    **base,
                    "quickAnalysis": True,
                }
                for one in wanted.form["fields"]
            ],
        }
        where = {"group_id": state.keys(Kind.LOG_GROUP)[group], "stream_id": stream}
        self.cloud.ask("lts", "create_log_stream_index", **where, body=body)

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Write an index again."""
        del found
        self.create(wanted, mark, state)

    def delete(self, found: Found, state: State) -> None:
        """Leave it to the stream."""
        del found, state


@dataclass(frozen=True, slots=True)
class LogAlarms:
    """Keyword alarms."""

    cloud: Cloud
    kind = Kind.LOG_ALARM

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all keyword alarms of the project."""
        del only
        listed = (self.cloud.ask("lts", "list_keywords_alarm_rules") or {}).get("keywords_alarm_rules") or []
        streams = {key: name for name, key in state.keys(Kind.LOG_STREAM).items()}
        return [
            Found(
                self.kind,
                str(one["keywords_alarm_rule_name"]),
                _alarm_form(one, streams),
                Mark.of(str(one.get("keywords_alarm_rule_description") or "")),
                str(one["keywords_alarm_rule_id"]),
            )
            for one in listed
        ]

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Add an alarm."""
        self.cloud.ask("lts", "create_keywords_alarm_rule", body=self._body(wanted, mark, state))

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Change an alarm."""
        body = {**self._body(wanted, mark, state), "keywords_alarm_rule_id": found.key}
        self.cloud.ask("lts", "update_keywords_alarm_rule", body=body)

    def delete(self, found: Found, state: State) -> None:
        """Remove an alarm."""
        del state
        self.cloud.ask("lts", "delete_keywords_alarm_rule", keywords_alarm_rule_id=found.key)

    def _body(self, wanted: Resource, mark: Mark, state: State) -> dict[str, Any]:
        form = wanted.form
        group, _, _ = form["stream"].partition("/")
        asked = {
            "log_stream_id": state.keys(Kind.LOG_STREAM)[form["stream"]],
            "log_group_id": state.keys(Kind.LOG_GROUP)[group],
            "keywords": form["keywords"],
            "condition": ">",
            "number": form["more_than"],
            "search_time_range": form["within_minutes"],
            "search_time_range_unit": _MINUTE,
        }
        return {
            "keywords_alarm_rule_name": wanted.name,
            "keywords_alarm_rule_description": described(wanted, mark),
            "keywords_requests": [asked],
            "frequency": {"type": "FIXED_RATE", "fixed_rate": form["within_minutes"], "fixed_rate_unit": _MINUTE},
            "keywords_alarm_level": form["severity"].upper(),  # as in the service's example; its reference differs
            "domain_id": form["account"],
            "trigger_condition_count": 1,
            "trigger_condition_frequency": 1,
            "whether_recovery_policy": True,
            "recovery_policy": _RECOVERS_AFTER,
            "notification_frequency": 0,
            "alarm_action_rule_name": form["action_rule"],
        }


def _retention(wanted: Resource) -> dict[str, int]:
    return {"ttl_in_days": wanted.form["retention_days"]} if "retention_days" in wanted.form else {}


def _mark(one: Mapping[str, Any]) -> Mark | None:
    tags = one.get("tag") or {}
    if tags.get(_OWNER_TAG) != OWNER:
        return None
    return Mark(str(tags.get(_PREFIX_TAG, "")), str(tags.get(_SHA_TAG, "")))


def _tags(mark: Mark) -> list[dict[str, str]]:
    tags = {_OWNER_TAG: OWNER, _PREFIX_TAG: mark.prefix, _SHA_TAG: mark.sha}
    return [{"key": key, "value": value} for key, value in tags.items()]


def _index_form(answer: Any) -> dict[str, Any] | None:
    if not isinstance(answer, Mapping) or not (answer.get("fullTextIndex") or answer.get("fields")):
        return None
    fields = [
        {"name": str(one.get("fieldName") or ""), "type": str(one.get("fieldType") or "")}
        for one in answer.get("fields") or []
    ]
    full = (answer.get("fullTextIndex") or {}).get("enable")
    return {"full_text": bool(full), "fields": sorted(fields, key=lambda each: each["name"])}


def _alarm_form(one: Mapping[str, Any], streams: Mapping[str, str]) -> dict[str, Any]:
    asked = (one.get("keywords_requests") or [{}])[0]
    by_id = streams.get(str(asked.get("log_stream_id") or ""))
    named = f"{asked.get('log_group_name', '')}/{asked.get('log_stream_name', '')}"
    return {
        "description": without_mark(str(one.get("keywords_alarm_rule_description") or "")),
        "stream": by_id or named,
        "keywords": str(asked.get("keywords") or ""),
        "more_than": asked.get("number"),
        "within_minutes": asked.get("search_time_range"),
        "severity": str(one.get("keywords_alarm_level") or "").capitalize(),
        "action_rule": str(one.get("alarm_action_rule_name") or ""),
        "account": str(one.get("domain_id") or ""),
    }
