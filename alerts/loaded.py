"""What has a Prometheus loaded of our rules, and how does that differ from what the catalogue makes?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alerts.errors import RuleError
from alerts.lengths import length_of
from alerts.names import GROUP_PREFIX
from alerts.promql import canonical

Key = tuple[str, str, tuple[tuple[str, str], ...]]
_FIELDS: Final = ("expression", "for", "keep_firing_for", "annotations")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One rule as it is there or should be; durations in seconds. `fault` is why it cannot be evaluated, if so."""

    group: str
    name: str
    labels: tuple[tuple[str, str], ...]
    fields: Mapping[str, Any]
    fault: str = ""

    @property
    def key(self) -> Key:
        """What makes it this rule, and no other."""
        return self.group, self.name, self.labels

    def __str__(self) -> str:
        inside = ", ".join(f"{name}={value}" for name, value in self.labels)
        return f"{self.group}: {self.name}{{{inside}}}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that is not as it should be; `fields` has, for a changed one, what is there and what should be."""

    what: str  # missing, changed, extra, failing
    rule: str
    fields: Mapping[str, tuple[Any, Any]]


def wanted(groups: Iterable[Mapping[str, Any]]) -> list[Loaded]:
    """Return the rules of groups as a rule file has them."""
    return [
        _loaded(group["name"], rule, rule["expr"], _seconds(rule, "for"), _seconds(rule, "keep_firing_for"))
        for group in groups
        for rule in group["rules"]
    ]


def there(answer: Mapping[str, Any]) -> list[Loaded]:
    """Return our rules of an answer of `/api/v1/rules`, found by the name of their group."""
    return [
        _loaded(
            group["name"],
            {**rule, "alert" if rule["type"] == "alerting" else "record": rule["name"]},
            rule["query"],
            float(rule.get("duration", 0)),
            float(rule.get("keepFiringFor", 0)),
            fault=str(rule.get("lastError") or ""),
        )
        for group in answer["data"]["groups"]
        if group["name"].startswith(GROUP_PREFIX)
        for rule in group["rules"]
    ]


def differences(have: Iterable[Loaded], want: Iterable[Loaded]) -> list[Difference]:
    """Return what is missing, changed, there though nobody wants it, or cannot be evaluated."""
    having = {one.key: one for one in have}
    wanting = {one.key: one for one in want}
    found = [Difference("missing", str(one), {}) for key, one in wanting.items() if key not in having]
    found += [Difference("extra", str(one), {}) for key, one in having.items() if key not in wanting]
    for key in wanting.keys() & having.keys():
        changed = dict(_changed(having[key], wanting[key]))
        if changed:
            found.append(Difference("changed", str(wanting[key]), changed))
        if having[key].fault:
            found.append(Difference("failing", str(having[key]), {"error": (having[key].fault, "")}))
    return sorted(found, key=lambda one: (one.rule, one.what))


def _changed(have: Loaded, want: Loaded) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in _FIELDS:
        if have.fields[name] != want.fields[name]:
            yield name, (have.fields[name], want.fields[name])


def _loaded(
    group: str, rule: Mapping[str, Any], expression: str, held_s: float, kept_s: float, *, fault: str = ""
) -> Loaded:
    name = str(rule.get("alert") or rule.get("record"))
    fields = {
        "expression": _canonical(expression),
        "for": held_s,
        "keep_firing_for": kept_s,
        "annotations": dict(rule.get("annotations") or {}),
    }
    return Loaded(group, name, tuple(sorted((rule.get("labels") or {}).items())), fields, fault)


def _seconds(rule: Mapping[str, Any], key: str) -> float:
    return length_of(rule.get(key, "")).total_seconds()


def _canonical(expression: str) -> str:
    """A Prometheus gives expressions in a form of its own; what only it can read stays as it gave it."""
    try:
        return canonical(expression)
    except RuleError:
        return expression
