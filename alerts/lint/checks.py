"""Which checks are there, and what does each find in a rule?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import promql_parser as parser

from alerts import names, promql
from alerts.errors import RuleError
from alerts.lengths import span
from alerts.lint.inference import Knowledge, Truth, bounds, is_scalar, labels, operator, truth
from alerts.lint.rule import Rule
from alerts.lint.vocabulary import TARGET_LABELS, nearest
from alerts.platform.alarms import SEVERITIES

_NEEDED: Final = ("summary", "description", "runbook_url")
_TEMPLATE_LABEL: Final = re.compile(r"\$labels\.([a-zA-Z_]\w*)|\.Labels\.([a-zA-Z_]\w*)")
_OF_COUNTERS: Final = {"rate", "irate", "increase", "resets"}
_OF_GAUGES: Final = {"delta", "idelta", "deriv", "predict_linear"}
_PATTERN: Final = re.compile(r"[^a-zA-Z0-9_:]")  # a name of a metric has none of these
_SCRAPES: Final = 4  # two for a rate, and twice that so that one missed scrape does no harm
_ARITHMETIC: Final = {"+", "-", "*", "/", "%", "^"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `said` is what is wrong and what would be right."""

    check: str
    place: str
    said: str


@dataclass(frozen=True, slots=True)
class Context:
    """What is known besides the rule: series, every rule of the files, the interval of scrapes, where runbooks are."""

    known: Knowledge
    rules: tuple[Rule, ...]
    interval: timedelta
    runbooks: Path | None


def lint(context: Context) -> list[Finding]:
    """Return what all checks find, in the order of the rules."""
    found = list(_duplicates(context.rules))
    for rule in context.rules:
        try:
            tree = promql.parse(rule.expression)
        except RuleError as error:
            found.append(Finding("syntax", rule.place, str(error)))
            continue
        for check, look in CHECKS.items():
            said = dict.fromkeys(look(rule, tree, context))  # what stands twice in an expression is told once
            found += [Finding(check, rule.place, each) for each in said]
    return found


def _duplicates(rules: Iterable[Rule]) -> Iterator[Finding]:
    counted = Counter((one.name, tuple(sorted(one.labels.items())), one.file) for one in rules)
    for (name, with_labels, file), count in counted.items():
        if count > 1:
            which = ", ".join(f"{key}={value}" for key, value in with_labels)
            yield Finding(
                "duplicate", f"{file}: {name}", f"{count} rules have this name and the labels {which or 'none'}"
            )


def _series(rule: Rule, _tree: Any, context: Context) -> Iterator[str]:
    known = context.known.series
    for one in promql.selectors(rule.expression):
        if _PATTERN.search(one.metric):
            if not any(re.fullmatch(one.metric, name) for name in known):
                yield f"no known series has a name like {one.metric}"
        elif one.metric not in known:
            meant = nearest(one.metric, known)
            yield f"no known series is called {one.metric}{f'; did you mean {meant}?' if meant else ''}"


def _label(rule: Rule, _tree: Any, context: Context) -> Iterator[str]:
    for one in promql.selectors(rule.expression):
        series = context.known.series.get(one.metric)
        if series is None or series.labels is None:
            continue
        for matcher in one.matchers:
            if matcher.label not in series.labels | TARGET_LABELS:
                there = ", ".join(sorted(series.labels)) or "none"
                yield f"{one.metric} has no label {matcher.label}; it has {there}"


def _template(rule: Rule, tree: Any, context: Context) -> Iterator[str]:
    has = labels(tree, context.known)
    used = {one or other for text in rule.annotations.values() for one, other in _TEMPLATE_LABEL.findall(text)}
    for label in sorted(used):
        if not has.may_have(label):
            left = ", ".join(sorted(has.names)) or "none"
            yield f"its texts use the label {label}, which the result does not have (it has {left})"


def _annotations(rule: Rule, _tree: Any, _context: Context) -> Iterator[str]:
    if rule.is_alert:
        yield from (f"no annotation {name}" for name in _NEEDED if not rule.annotations.get(name, "").strip())


def _runbook(rule: Rule, _tree: Any, context: Context) -> Iterator[str]:
    address = rule.annotations.get("runbook_url", "")
    if context.runbooks is not None and address:
        file = context.runbooks / address.rpartition("/")[2]
        if not file.is_file():
            yield f"there is no runbook {file}"
        elif f"`{rule.name}`" not in file.read_text(encoding="utf-8"):
            yield f"the runbook {file} does not name {rule.name}"


def _severity(rule: Rule, _tree: Any, _context: Context) -> Iterator[str]:
    found = rule.labels.get(names.SEVERITY_LABEL)
    if rule.is_alert and found not in SEVERITIES:
        yield f"severity is {found or 'not there'}; allowed: {', '.join(SEVERITIES)}"


def _threshold(rule: Rule, tree: Any, context: Context) -> Iterator[str]:
    if not rule.is_alert:
        return
    when = truth(tree, context.known)
    if when is Truth.NEVER:
        yield "it can never fire: no value of its series is beyond the threshold"
    elif when is Truth.ALWAYS and rule.labels.get(names.SEVERITY_LABEL) != "none":
        yield "it fires whenever its series are there: no comparison in it can be false"


def _window(rule: Rule, _tree: Any, context: Context) -> Iterator[str]:
    least = _SCRAPES * context.interval
    for one in promql.selectors(rule.expression):
        if one.window is not None and one.window < least:
            yield (
                f"{one.metric}[{span(one.window)}] is shorter than four scrapes ({span(least)}): "
                "one that is missed leaves no rate"
            )


def _counter(rule: Rule, tree: Any, context: Context) -> Iterator[str]:
    for one in promql.selectors(rule.expression):
        series = context.known.series.get(one.metric)
        if series is None:
            continue
        around = set(one.within)
        is_old = _is_by_offset(tree)
        if series.kind == "counter" and not around & promql.READING_COUNTERS and not is_old:
            yield f"{one.metric} is a counter, and is read as it stands: use rate() or increase()"
        if series.kind == "gauge" and around & _OF_COUNTERS and ":" not in one.metric:
            yield f"{one.metric} is no counter: use delta(), deriv() or an average instead of rate()"
        if series.kind == "counter" and around & _OF_GAUGES:
            yield f"{one.metric} is a counter: delta(), deriv() and predict_linear() take its restarts for falls"


def _is_by_offset(node: Any) -> bool:
    """Whether a counter is held against its own past by `unless … offset`: only whether it was there is asked."""
    return any(
        isinstance(one, parser.BinaryExpr) and operator(one) == "unless" and any(map(_has_offset, _every(one.rhs)))
        for one in _every(node)
    )


def _has_offset(node: Any) -> bool:
    return getattr(getattr(node, "vector_selector", node), "offset", None) is not None


def _division(rule: Rule, tree: Any, context: Context) -> Iterator[str]:
    if rule.is_alert:
        return
    for one in _every(tree):
        if isinstance(one, parser.BinaryExpr) and operator(one) == "/" and not is_scalar(one.rhs):
            low, high = bounds(one.rhs, context.known)
            if low <= 0 <= high:
                yield "it divides by what may be 0, and NaN stays in every later sum: use clamp_min(…) below the line"


def _join(_rule: Rule, tree: Any, context: Context) -> Iterator[str]:
    for one in _every(tree):
        if not isinstance(one, parser.BinaryExpr) or is_scalar(one.lhs) or is_scalar(one.rhs) or operator(one) == "or":
            continue
        left, right = labels(one.lhs, context.known), labels(one.rhs, context.known)
        matching = one.modifier.matching if one.modifier is not None else None
        if matching is None and left.is_open != right.is_open:
            yield f"one side of {operator(one)!r} is aggregated and the other is not, so nothing matches: say on (…)"
        elif matching is None and not left.is_open and left.names != right.names:
            yield f"the sides of {operator(one)!r} have different labels, so nothing matches: say on (…)"
        elif matching is not None and matching.type == parser.LabelModifierType.Include:
            lacking = [name for name in matching.labels for side in (left, right) if not side.may_have(name)]
            if lacking:
                yield f"{operator(one)!r} matches on {', '.join(sorted(set(lacking)))}, which one side does not have"
            elif operator(one) in _ARITHMETIC and left.is_open and right.is_open and not _is_grouped(one):
                yield f"{operator(one)!r} on ({', '.join(matching.labels)}) fails when two series have these in common"


def _is_grouped(node: Any) -> bool:
    return bool(node.modifier.card != parser.VectorMatchCardinality.OneToOne)


def _every(node: Any) -> Iterator[Any]:
    yield node
    for child in promql.children(node):
        yield from _every(child)


def _name(rule: Rule, _tree: Any, _context: Context) -> Iterator[str]:
    if rule.is_alert and not re.fullmatch(r"[A-Z][A-Za-z0-9]+", rule.name):
        yield "an alert is called in CamelCase"
    if not rule.is_alert and not re.fullmatch(r"[a-z0-9_]+:[a-z0-9_]+:[a-z0-9_]+", rule.name):
        yield "a record is called level:metric:operation"


CHECKS: Final[Mapping[str, Callable[[Rule, Any, Context], Iterator[str]]]] = {
    "series": _series,
    "label": _label,
    "template": _template,
    "annotations": _annotations,
    "runbook": _runbook,
    "severity": _severity,
    "threshold": _threshold,
    "window": _window,
    "counter": _counter,
    "division": _division,
    "join": _join,
    "name": _name,
}
EVERY: Final = ("syntax", "duplicate", *CHECKS)
