"""What can be told of an expression without data: which labels its result has, and between which values it lies?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import promql_parser as parser

from alerts import names
from alerts.errors import RuleError
from alerts.lint.rule import Rule
from alerts.lint.vocabulary import TARGET_LABELS, Vocabulary
from alerts.promql import children, parse

Bounds = tuple[float, float]
_ANY: Final = (-math.inf, math.inf)
_NOT_NEGATIVE: Final = (0.0, math.inf)
_COMPARISONS: Final = {">", "<", ">=", "<=", "==", "!="}
_SETS: Final = {"and", "or", "unless"}
_GROWING: Final = {"rate", "irate", "increase"}
_COUNTING: Final = {
    "changes",
    "resets",
    "count_over_time",
    "histogram_quantile",
    "histogram_count",
    "time",
    "timestamp",
}
_SCALARS: Final = {"time", "scalar", "pi"}
_SAME: Final = {
    *"avg_over_time min_over_time max_over_time last_over_time quantile_over_time sort sort_desc".split(),
    *"label_replace label_join round".split(),
}


class Truth(StrEnum):
    """Whether an alert's expression gives anything."""

    ALWAYS = "always"
    NEVER = "never"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a result: exactly these, or where it is open, these and what a target may add."""

    names: frozenset[str]
    is_open: bool

    def may_have(self, label: str) -> bool:
        """Whether a series of the result can have this label."""
        return label in self.names or (self.is_open and (label in TARGET_LABELS or not self.names))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the inference rests on: the known series, and the objective of each name of an SLO."""

    series: Vocabulary
    objectives: Mapping[str, float]


def objectives_of(rules: Iterable[Rule]) -> dict[str, float]:
    """Return the objective of each SLO, as the rules record it."""
    found = {}
    for rule in rules:
        if rule.name != names.OBJECTIVE:
            continue
        try:
            tree = parse(rule.expression)
        except RuleError:  # the check of the syntax tells of it
            continue
        if isinstance(tree, parser.Call) and isinstance(tree.args[0], parser.NumberLiteral):
            found[rule.labels.get(names.SLO_LABEL, "")] = tree.args[0].val
    return found


def operator(node: Any) -> str:
    """Return the operator of a binary expression in small letters."""
    return str(node.op).lower()


def is_scalar(node: Any) -> bool:
    """Whether an expression is a number and no vector."""
    if isinstance(node, parser.NumberLiteral):
        return True
    if isinstance(node, parser.Call):
        return node.func.name in _SCALARS
    below = children(node)
    is_transparent = isinstance(node, parser.BinaryExpr | parser.ParenExpr | parser.UnaryExpr)
    return is_transparent and bool(below) and all(is_scalar(one) for one in below)


def truth(node: Any, known: Knowledge) -> Truth:
    """Return whether an expression, as that of an alert, gives something always, never, or as it depends."""
    if isinstance(node, parser.ParenExpr):
        return truth(node.expr, known)
    if isinstance(node, parser.BinaryExpr):
        return _truth_of_two(node, known)
    if isinstance(node, parser.Call) and node.func.name.startswith("absent"):
        return Truth.DEPENDS
    below = [one for one in children(node) if not is_scalar(one) and not isinstance(one, parser.StringLiteral)]
    return truth(below[0], known) if below else Truth.ALWAYS  # an aggregation or a function gives what goes into it


def _truth_of_two(node: Any, known: Knowledge) -> Truth:
    sign = operator(node)
    if sign in _COMPARISONS:
        if node.modifier is not None and node.modifier.return_bool:  # 0 is a value, too
            return Truth.ALWAYS
        return _holds(bounds(node.lhs, known), sign, bounds(node.rhs, known)) or Truth.DEPENDS
    parts = [truth(one, known) for one in (node.lhs, node.rhs) if not is_scalar(one)]
    if sign == "or":
        return _any_of(parts)
    if sign == "unless":
        return parts[0] if Truth.NEVER in parts else Truth.DEPENDS
    return _all_of(parts)


def _any_of(parts: list[Truth]) -> Truth:
    if Truth.ALWAYS in parts:
        return Truth.ALWAYS
    return Truth.NEVER if all(one is Truth.NEVER for one in parts) else Truth.DEPENDS


def _all_of(parts: list[Truth]) -> Truth:
    if Truth.NEVER in parts:
        return Truth.NEVER
    return Truth.ALWAYS if all(one is Truth.ALWAYS for one in parts) else Truth.DEPENDS


def _holds(left: Bounds, sign: str, right: Bounds) -> Truth | None:
    (low, high), (least, most) = left, right
    if sign in {"<", "<="}:
        return _holds(right, {"<": ">", "<=": ">="}[sign], left)
    if sign == ">":
        return Truth.ALWAYS if low > most else Truth.NEVER if high <= least else None
    if sign == ">=":
        return Truth.ALWAYS if low >= most else Truth.NEVER if high < least else None
    is_apart = high < least or low > most
    is_one = low == high == least == most
    if sign == "==":
        return Truth.NEVER if is_apart else Truth.ALWAYS if is_one else None
    return Truth.ALWAYS if is_apart else Truth.NEVER if is_one else None


def bounds(node: Any, known: Knowledge) -> Bounds:
    """Return between which values an expression lies; infinite where nothing is known."""
    if isinstance(node, parser.NumberLiteral):
        return node.val, node.val
    if isinstance(node, parser.ParenExpr | parser.SubqueryExpr):
        return bounds(node.expr, known)
    if isinstance(node, parser.UnaryExpr):
        low, high = bounds(node.expr, known)
        return -high, -low
    for kind, look in _LOOKS.items():
        if isinstance(node, kind):
            return look(node, known)
    return _ANY


def _of_series(node: Any, known: Knowledge) -> Bounds:
    node = getattr(node, "vector_selector", node)
    name = node.name or ""
    if name == "up" or name.endswith("_up"):
        return 0.0, 1.0
    if name.startswith(names.BURN_PREFIX):
        which = next((one.value for one in node.matchers.matchers if one.name == names.SLO_LABEL), None)
        target = known.objectives.get(which or "")
        return 0.0, (1 / (1 - target) if target is not None else math.inf)
    series = known.series.get(name)
    return _NOT_NEGATIVE if series is not None and series.kind == "counter" else _ANY


def _of_aggregation(node: Any, known: Knowledge) -> Bounds:
    what = str(node.op).lower()
    if what in {"count", "count_values"}:
        return 1.0, math.inf
    if what == "group":
        return 1.0, 1.0
    low, high = bounds(node.expr, known)
    if what == "sum":
        return (low if low >= 0 else -math.inf), (high if high <= 0 else math.inf)
    return (0.0, math.inf) if what.startswith("std") else (low, high)


def _of_call(node: Any, known: Knowledge) -> Bounds:
    name, given = node.func.name, list(node.args)
    if name.startswith("absent"):
        return 1.0, 1.0
    if name in _GROWING or name in _COUNTING:
        return _NOT_NEGATIVE
    if name in {"vector", "scalar"} or name in _SAME:
        return bounds(given[-1] if name == "quantile_over_time" else given[0], known)
    if name in {"clamp_min", "clamp_max"}:
        (low, high), (limit, _) = bounds(given[0], known), bounds(given[1], known)
        return (max(low, limit), max(high, limit)) if name == "clamp_min" else (min(low, limit), min(high, limit))
    if name == "abs":
        return _NOT_NEGATIVE
    return _ANY


def _of_two(node: Any, known: Knowledge) -> Bounds:
    sign, left, right = operator(node), bounds(node.lhs, known), bounds(node.rhs, known)
    if sign in _COMPARISONS:
        return (0.0, 1.0) if node.modifier is not None and node.modifier.return_bool else _filtered(left, sign, right)
    if sign in _SETS:
        return (min(left[0], right[0]), max(left[1], right[1])) if sign == "or" else left
    if sign in {"*", "/"}:
        return _positive(sign, left, right) if min(left[0], right[0]) >= 0 else _ANY
    if sign == "+":
        return left[0] + right[0], left[1] + right[1]
    return (left[0] - right[1], left[1] - right[0]) if sign == "-" else _ANY


def _filtered(left: Bounds, sign: str, right: Bounds) -> Bounds:
    if sign in {">", ">="}:
        return max(left[0], right[0]), left[1]
    if sign in {"<", "<="}:
        return left[0], min(left[1], right[1])
    return right if sign == "==" else left


def _positive(sign: str, left: Bounds, right: Bounds) -> Bounds:
    if sign == "*":
        low = left[0] * right[0]
        high = left[1] * right[1] if 0 not in (left[1], right[1]) else 0.0
        return low, high
    low = left[0] / right[1] if right[1] not in (0, math.inf) else 0.0
    return low, left[1] / right[0] if right[0] > 0 else math.inf


_LOOKS: Final[Mapping[type, Callable[[Any, Knowledge], Bounds]]] = {
    parser.MatrixSelector: _of_series,
    parser.VectorSelector: _of_series,
    parser.AggregateExpr: _of_aggregation,
    parser.Call: _of_call,
    parser.BinaryExpr: _of_two,
}


def labels(node: Any, known: Knowledge) -> Labels:
    """Return which labels the result of an expression has."""
    if isinstance(node, parser.MatrixSelector):
        return labels(node.vector_selector, known)
    if isinstance(node, parser.VectorSelector):
        series = known.series.get(node.name or "")
        own = series.labels if series is not None and series.labels is not None else frozenset()
        return Labels(own | {one.name for one in node.matchers.matchers} - {"__name__"} if own else own, is_open=True)
    if isinstance(node, parser.AggregateExpr):
        return _labels_of_aggregation(node, known)
    if isinstance(node, parser.Call):
        return _labels_of_call(node, known)
    if isinstance(node, parser.BinaryExpr):
        return _labels_of_two(node, known)
    below = children(node)
    return labels(below[0], known) if below else Labels(frozenset(), is_open=False)


def _labels_of_aggregation(node: Any, known: Knowledge) -> Labels:
    inside = labels(node.expr, known)
    if str(node.op).lower() in {"topk", "bottomk"}:
        return inside
    if node.modifier is None:
        return Labels(frozenset(), is_open=False)
    named = frozenset(node.modifier.labels)
    if node.modifier.type == parser.AggModifierType.By:
        return Labels(frozenset(one for one in named if inside.may_have(one)), is_open=False)
    return Labels(inside.names - named, inside.is_open)


def _labels_of_call(node: Any, known: Knowledge) -> Labels:
    name, given = node.func.name, list(node.args)
    if name.startswith("absent"):
        selector = given[0]
        while not isinstance(selector, parser.VectorSelector | parser.MatrixSelector) and children(selector):
            selector = children(selector)[0]
        selector = getattr(selector, "vector_selector", selector)
        equal = [one.name for one in selector.matchers.matchers if one.op == parser.MatchOp.Equal]
        return Labels(frozenset(equal), is_open=False)
    vectors = [one for one in given if not is_scalar(one) and not isinstance(one, parser.StringLiteral)]
    inside = labels(vectors[0], known) if vectors else Labels(frozenset(), is_open=False)
    if name == "histogram_quantile":
        return Labels(inside.names - {"le"}, inside.is_open)
    if name in {"label_replace", "label_join"}:
        return Labels(inside.names | {given[1].val}, inside.is_open)
    return inside


def _labels_of_two(node: Any, known: Knowledge) -> Labels:
    if is_scalar(node.lhs):
        return labels(node.rhs, known)
    left = labels(node.lhs, known)
    if is_scalar(node.rhs) or operator(node) in {"and", "unless"} or operator(node) in _COMPARISONS:
        return left
    if operator(node) == "or":
        right = labels(node.rhs, known)
        return Labels(left.names | right.names, left.is_open or right.is_open)
    matching = node.modifier.matching if node.modifier is not None else None
    if matching is not None and matching.type == parser.LabelModifierType.Include:
        grouped = node.modifier.group_labels or []
        return Labels(frozenset(matching.labels) | set(grouped), is_open=False) if not _is_many(node) else left
    return left


def _is_many(node: Any) -> bool:
    many = (parser.VectorMatchCardinality.ManyToOne, parser.VectorMatchCardinality.OneToMany)
    return node.modifier.card in many
