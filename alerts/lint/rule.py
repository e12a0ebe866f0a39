"""What is a rule as it stands in a rule file?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from alerts.errors import RuleError


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `name` is what it records, or the alert's."""

    file: str
    group: str
    name: str
    is_alert: bool
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it stands, for a person."""
        which = self.labels.get("slo") or self.labels.get("severity")
        return f"{self.file}: {self.group}: {self.name}{f' ({which})' if which else ''}"


def parse(text: str, file: str) -> list[Rule]:
    """Return the rules of a rule file or of a PrometheusRule; raises RuleError when it is neither."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RuleError(f"{file}: no YAML: {error}") from error
    if isinstance(content, dict) and content.get("kind") == "PrometheusRule":
        content = content.get("spec")
    if not isinstance(content, dict) or not isinstance(content.get("groups"), list):
        raise RuleError(f"{file}: no list `groups`, so it is neither a rule file nor a PrometheusRule")
    return list(_rules(content["groups"], file))


def _rules(groups: list[Any], file: str) -> Iterator[Rule]:
    for group in groups:
        rules = group.get("rules") if isinstance(group, dict) else None
        if not isinstance(rules, list):
            raise RuleError(f"{file}: a group is a mapping with a name and a list of rules, and not {group!r:.80}")
        for one in rules:
            name = (one.get("alert") or one.get("record")) if isinstance(one, dict) else None
            if not name or "expr" not in one:
                raise RuleError(f"{file}: {group.get('name')}: a rule needs `expr`, and `alert` or `record`")
            yield Rule(
                file,
                str(group.get("name")),
                str(name),
                "alert" in one,
                str(one["expr"]),
                _texts(one.get("labels")),
                _texts(one.get("annotations")),
            )


def _texts(found: object) -> dict[str, str]:
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
