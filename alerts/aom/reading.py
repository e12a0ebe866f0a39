"""What does a deployment file say? Read strictly: an error names file, line, key, what is there, and what may be."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from alerts.aom.deployment import (
    PUBLISHERS,
    SECRET_PROTOCOLS,
    STREAM_RETENTION,
    Channel,
    Deployment,
    IndexField,
    LogAlarm,
    LogGroup,
    LogStream,
    Maintenance,
    Protocol,
    Value,
)
from alerts.aom.deployment_schema import DAYS, SCHEMA
from alerts.aom.errors import DeploymentError
from alerts.windows import Severity
from slo.openslo.yaml_tree import Faults, Leaf, Sequence, Table, Tree, read_documents

_VARIABLE: Final = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_FILE: Final = "file:"
_DAY_MINUTES: Final = 24 * 60


def load(file: Path, environ: Mapping[str, str] = os.environ) -> Deployment:
    """Return what a deployment file describes, its secrets taken from where it says; raises DeploymentError."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{file}: cannot be read: {error}") from error
    return parse(text, str(file), environ)


def parse(text: str, origin: str, environ: Mapping[str, str]) -> Deployment:
    """Return what the text of a deployment file describes; raises DeploymentError with all its faults."""
    faults = Faults(origin)
    trees = read_documents(text, faults)
    if not faults.errors and len(trees) != 1:
        faults.add(1, "", f"{len(trees)} documents", "exactly one")
    if not faults.errors:
        SCHEMA.check(trees[0], "", faults)
    if not faults.errors and isinstance(trees[0], Table):
        made = _Reader(trees[0], origin, environ, faults).deployment()
        if not faults.errors:
            return made
    raise DeploymentError("\n".join(map(str, faults.errors)))


class _Reader:
    """Turns a tree that has the right form into a deployment; what only the whole can tell is checked here."""

    def __init__(self, root: Table, origin: str, environ: Mapping[str, str], faults: Faults) -> None:
        self._root = root
        self._origin = origin
        self._environ = environ
        self._faults = faults

    def deployment(self) -> Deployment:
        plain: Any = _plain(self._root)
        logs = tuple(self._group(one) for one in _items(self._root, "logs"))
        return Deployment(
            self._origin,
            plain["region"],
            plain["project_id"],
            plain["prom_instance_id"],
            plain["prefix"],
            plain["iam_user"],
            plain.get("time_zone", "Asia/Shanghai"),
            plain.get("locale", "zh-cn"),
            plain.get("domain_id", ""),
            plain.get("expressions", "inlined") == "recorded",
            plain.get("descriptions", "full") == "plain",
            tuple(sorted(plain.get("publishers", PUBLISHERS))),
            tuple((one.value, self._channels(one.value)) for one in Severity),
            tuple(self._maintenance(one) for one in _items(self._root, "maintenance")),
            logs,
            tuple(self._log_alarm(one, logs) for one in _items(self._root, "log_alarms")),
        )

    def _channels(self, severity: str) -> tuple[Channel, ...]:
        table = self._root.entries["channels"]
        if not isinstance(table, Table):
            return ()
        found = []
        for index, item in enumerate(_items(table, severity)):
            path = f"channels.{severity}[{index}]"
            given = _plain(item)
            protocol = Protocol(given["protocol"])
            secret = protocol in SECRET_PROTOCOLS
            to = self._value(item, "to", path, must_be_reference=secret)
            sign = (
                self._value(item, "sign_secret", path, must_be_reference=True)
                if "sign_secret" in item.entries
                else None
            )
            if not secret and ("keyword" in given or sign is not None):
                self._faults.add(item.line, path, f"a keyword or secret with {protocol}", "those with a robot only")
            found.append(Channel(protocol, to, given.get("keyword", ""), sign))
        addresses = [(one.protocol, one.to.value) for one in found if one.to.value]
        if len(set(addresses)) != len(addresses):
            self._faults.add(table.line, f"channels.{severity}", "one address twice", "each once")
        return tuple(found)

    def _value(self, item: Table, key: str, path: str, *, must_be_reference: bool) -> Value:
        leaf = item.entries[key]
        shown = leaf.text if isinstance(leaf, Leaf) else ""
        place = f"{path}.{key}"
        variable = _VARIABLE.fullmatch(shown)
        if variable is not None:
            value = self._environ.get(variable["name"], "").strip()
            if not value:
                self._faults.add(
                    leaf.line, place, f"{shown}, which is not set", "a variable of the environment that is"
                )
            return Value(shown, value)
        if shown.startswith(_FILE):
            return Value(shown, self._from_file(shown.removeprefix(_FILE), leaf.line, place))
        if must_be_reference:
            self._faults.add(
                leaf.line, place, "a secret as it is", f"${{NAME}}, a variable of the environment, or {_FILE}PATH"
            )
        return Value(shown, shown)

    def _from_file(self, name: str, line: int, place: str) -> str:
        try:
            value = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self._faults.add(line, place, f"{name}, which cannot be read ({error})", "a file that can")
            return ""
        if not value:
            self._faults.add(line, place, f"{name}, which is empty", "a file with the secret in it")
        return value

    def _maintenance(self, item: Table) -> Maintenance:
        given = _plain(item)
        services = tuple(given.get("services", ()))
        path = f"maintenance {given['name']}"
        if "once" in given:
            starts, ends = (_instant_ms(given["once"][key]) for key in ("from", "to"))
            if starts is None or ends is None or ends <= starts:
                self._faults.add(item.line, path, "no stretch of time", "from and to with a zone, to after from")
            return Maintenance(given["name"], "FIXED", starts or 0, ends or 0, (), services)
        repeated = given.get("weekly") or given.get("daily") or given["monthly"]
        starts_s, ends_s = (_second_of_day(repeated[key]) for key in ("from", "to"))
        if ends_s <= starts_s:
            self._faults.add(item.line, path, f"{repeated['from']} to {repeated['to']}", "to after from, on one day")
        days = repeated.get("days", [])
        if "weekly" in given:
            return Maintenance(
                given["name"], "WEEKLY", starts_s, ends_s, tuple(sorted(DAYS.index(day) + 1 for day in days)), services
            )
        if "daily" in given:
            return Maintenance(given["name"], "DAILY", starts_s, ends_s, (), services)
        return Maintenance(given["name"], "MONTHLY", starts_s, ends_s, tuple(sorted(map(int, days))), services)

    def _group(self, item: Table) -> LogGroup:
        name = _plain(item)["group"]
        days = self._whole(item, "retention_days", f"logs {name}")
        return LogGroup(name, days, tuple(self._stream(name, days, one) for one in _items(item, "streams")))

    def _stream(self, group: str, group_days: int, item: Table) -> LogStream:
        given = _plain(item)
        path = f"logs {group}/{given['name']}"
        days = self._whole(item, "retention_days", path) if "retention_days" in given else group_days
        region = _plain(self._root)["region"]
        if days != group_days and region not in STREAM_RETENTION:
            allowed = f"that of the group, but for {', '.join(sorted(STREAM_RETENTION))}"
            self._faults.add(item.line, f"{path}.retention_days", f"{days} in {region}", allowed)
        fields = tuple(IndexField(one["field"], one.get("type", "string")) for one in given.get("index", ()))
        return LogStream(group, given["name"], days, fields)

    def _whole(self, table: Table, key: str, path: str) -> int:
        leaf = table.entries[key]
        text = leaf.text if isinstance(leaf, Leaf) else ""
        if not text.isdigit():
            self._faults.add(leaf.line, f"{path}.{key}", text, "a whole number")
            return 0
        return int(text)

    def _log_alarm(self, item: Table, logs: tuple[LogGroup, ...]) -> LogAlarm:
        given = _plain(item)
        group, _, stream = given["stream"].partition("/")
        path = f"log_alarms {given['name']}"
        if "domain_id" not in self._root.entries:
            self._faults.add(
                item.line, path, "no domain_id in the file", "domain_id, the account's id, which LTS wants"
            )
        known = [f"{one.name}/{other.name}" for one in logs for other in one.streams]
        if given["stream"] not in known:
            self._faults.add_word(item.line, f"{path}.stream", given["stream"], tuple(known))
        return LogAlarm(
            given["name"],
            group,
            stream,
            given["keywords"],
            self._whole(item, "more_than", path),
            self._whole(item, "within_minutes", path),
            given["severity"],
        )


def _items(table: Table, key: str) -> list[Table]:
    found = table.entries.get(key)
    return [one for one in found.items if isinstance(one, Table)] if isinstance(found, Sequence) else []


def _plain(tree: Tree) -> Any:
    """Return a tree as words, lists and mappings."""
    match tree:
        case Table(entries=entries):
            return {key: _plain(value) for key, value in entries.items()}
        case Sequence(items=items):
            return [_plain(one) for one in items]
        case Leaf(text=text):
            return text


def _instant_ms(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else round(found.timestamp() * 1000)


def _second_of_day(text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    return min((hours * 60 + minutes) * 60, _DAY_MINUTES * 60 - 1)  # 24:00 is the last second that AOM knows
