"""A double of LTS's groups, streams, indexes and keyword alarms.

Source: Huawei Cloud, LTS API reference and SDK. Codes of errors are made up.
"""

from __future__ import annotations

from typing import Any, Final

from testbed.cloud.management.store import Answered, AnswerError, Asked, Row, Store, only

_GROUP: Final = {"log_group_name", "ttl_in_days", "tags", "log_group_name_alias"}
_STREAM: Final = {"log_stream_name", "ttl_in_days", "tags", "log_stream_name_alias"}
_INDEX: Final = {"logStreamId", "fullTextIndex", "fields"}
_ALARM: Final = set(
    "keywords_alarm_rule_id keywords_alarm_rule_name keywords_alarm_rule_description keywords_requests frequency "
    "keywords_alarm_level domain_id trigger_condition_count trigger_condition_frequency whether_recovery_policy "
    "recovery_policy notification_frequency alarm_action_rule_name tags".split()
)


class Lts:
    """Where logs are kept, and what is told of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_group(self, asked: Asked) -> Answered:
        """POST /v2/{project_id}/groups."""
        body = only(asked.json, _GROUP, "the group")
        if any(row["log_group_name"] == body["log_group_name"] for row in self._store.log_groups.values()):
            raise AnswerError(400, "LTS.0104", f"the group {body['log_group_name']} exists")
        key = self._store.id()
        row = {"log_group_id": key, "log_group_name": body["log_group_name"], "ttl_in_days": _days(body)}
        self._store.log_groups[key] = {**row, "tag": _tag(body), "creation_time": 1}
        return Answered({"log_group_id": key}, 201)

    def list_groups(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/groups."""
        del asked
        return Answered({"log_groups": list(self._store.log_groups.values())})

    def update_group(self, asked: Asked) -> Answered:
        """POST /v2/{project_id}/groups/{id}."""
        row = self._row("log_groups", asked.params["group"])
        body = only(asked.json, {"ttl_in_days", "tags"}, "the group")
        row |= {"ttl_in_days": _days(body), "tag": {**row["tag"], **_tag(body)}}
        return Answered(row)

    def delete_group(self, asked: Asked) -> Answered:
        """DELETE /v2/{project_id}/groups/{id}, with all streams."""
        self._row("log_groups", asked.params["group"])
        del self._store.log_groups[asked.params["group"]]
        mine = [key for key, row in self._store.log_streams.items() if row["of_group"] == asked.params["group"]]
        for key in mine:
            del self._store.log_streams[key]
        return Answered(status=204)

    def create_stream(self, asked: Asked) -> Answered:
        """POST /v2/{project_id}/groups/{id}/streams."""
        group = self._row("log_groups", asked.params["group"])
        body = only(asked.json, _STREAM, "the stream")
        mine = [row for row in self._store.log_streams.values() if row["of_group"] == group["log_group_id"]]
        if any(row["log_stream_name"] == body["log_stream_name"] for row in mine):
            raise AnswerError(400, "LTS.0205", f"the stream {body['log_stream_name']} exists")
        key = self._store.id()
        days = _days(body) if "ttl_in_days" in body else group["ttl_in_days"]
        row = {"log_stream_id": key, "log_stream_name": body["log_stream_name"], "ttl_in_days": days}
        self._store.log_streams[key] = {**row, "tag": _tag(body), "of_group": group["log_group_id"], "filter_count": 0}
        return Answered({"log_stream_id": key}, 201)

    def list_streams(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/groups/{id}/streams."""
        self._row("log_groups", asked.params["group"])
        rows = [row for row in self._store.log_streams.values() if row["of_group"] == asked.params["group"]]
        return Answered({"log_streams": [{k: v for k, v in row.items() if k != "of_group"} for row in rows]})

    def update_stream(self, asked: Asked) -> Answered:
        """PUT /v2/{project_id}/groups/{id}/streams-ttl/{id}."""
        row = self._row("log_streams", asked.params["stream"])
        body = only(asked.json, {"ttl_in_days", "tags", "whether_log_storage"}, "the stream")
        row |= {"tag": {**row["tag"], **_tag(body)}, **({"ttl_in_days": _days(body)} if "ttl_in_days" in body else {})}
        return Answered({key: value for key, value in row.items() if key != "of_group"})

    def delete_stream(self, asked: Asked) -> Answered:
        """DELETE /v2/{project_id}/groups/{id}/streams/{id}."""
        self._row("log_streams", asked.params["stream"])
        del self._store.log_streams[asked.params["stream"]]
        self._store.log_indexes.pop(asked.params["stream"], None)
        return Answered(status=204)

    def write_index(self, asked: Asked) -> Answered:
        """POST /v1.0/{project_id}/groups/{id}/stream/{id}/index/config: the whole index anew."""
        self._row("log_streams", asked.params["stream"])
        body = only(asked.json, _INDEX, "the index")
        fields = [{"ascii": [], **one} for one in reversed(body.get("fields", []))]
        self._store.log_indexes[asked.params["stream"]] = {**body, "fields": fields}
        return Answered({}, 201)

    def show_index(self, asked: Asked) -> Answered:
        """GET of the same; of a stream that has none, nothing in the answer."""
        self._row("log_streams", asked.params["stream"])
        return Answered(self._store.log_indexes.get(asked.params["stream"], {}))

    def write_alarm(self, asked: Asked) -> Answered:
        """POST and PUT /v2/{project_id}/lts/alarms/keywords-alarm-rule."""
        body = only(asked.json, _ALARM, "the alarm")
        asks = body.get("keywords_requests") or []
        if len(asks) != 1 or asks[0].get("log_stream_id") not in self._store.log_streams:
            raise AnswerError(400, "LTS.2001", "one request on a stream that is there is required")
        if body.get("alarm_action_rule_name") not in self._store.action_rules or not body.get("domain_id"):
            raise AnswerError(400, "LTS.2002", "an action rule that is there, and domain_id, are required")
        if asked.params["method"] == "POST":
            names = {row["keywords_alarm_rule_name"] for row in self._store.log_alarms.values()}
            if body["keywords_alarm_rule_name"] in names:
                raise AnswerError(400, "LTS.2003", f"the alarm {body['keywords_alarm_rule_name']} exists")
            key = self._store.id()
        else:
            key = body.get("keywords_alarm_rule_id", "")
            self._row("log_alarms", key)
        level = str(body.get("keywords_alarm_level", "")).upper()  # it comes back in capitals
        self._store.log_alarms[key] = {
            **body,
            "keywords_alarm_rule_id": key,
            "keywords_alarm_level": level,
            "status": "RUNNING",
        }
        return Answered({"keywords_alarm_rule_id": key}, 201 if asked.params["method"] == "POST" else 200)

    def list_alarms(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/lts/alarms/keywords-alarm-rule."""
        del asked
        return Answered({"keywords_alarm_rules": list(self._store.log_alarms.values())})

    def delete_alarm(self, asked: Asked) -> Answered:
        """DELETE /v2/{project_id}/lts/alarms/keywords-alarm-rule/{id}."""
        self._row("log_alarms", asked.params["alarm"])
        del self._store.log_alarms[asked.params["alarm"]]
        return Answered(status=204)

    def _row(self, kind: str, key: str) -> Row:
        found: Row | None = getattr(self._store, kind).get(key)
        if found is None:
            raise AnswerError(404, "LTS.0404", f"nothing among {kind} has the id {key!r}")
        return found


def _tag(body: Row) -> dict[str, str]:
    return {one["key"]: one["value"] for one in body.get("tags", ())}


def _days(body: Row) -> int:
    days: Any = body.get("ttl_in_days")
    if not isinstance(days, int) or not 1 <= days <= 365:
        raise AnswerError(400, "LTS.0101", f"ttl_in_days is {days!r}")
    return days
