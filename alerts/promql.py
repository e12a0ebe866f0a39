"""What does a PromQL expression read: which series, over which window, and inside which functions?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import promql_parser as parser

from alerts.errors import RuleError

# Inside one of these a counter is read for what it is: how fast it rises, whether it is there, how many there are.
READING_COUNTERS: Final = frozenset(
    "rate irate increase resets changes absent absent_over_time present_over_time count_over_time timestamp".split()
) | {"count", "group"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; `op` is =, !=, =~ or !~."""

    label: str
    op: str
    value: str

    def __str__(self) -> str:
        text = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.op}"{text}"'


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector of series as it stands in an expression.

    `window` is its range, or that of the nearest subquery around it; None for an instant. `within` names the functions
    and aggregations around it, the outermost first.
    """

    metric: str
    matchers: tuple[Matcher, ...]
    window: timedelta | None
    within: tuple[str, ...]

    def matched(self, label: str) -> Matcher | None:
        """Return the condition on a label, None where there is none."""
        return next((one for one in self.matchers if one.label == label), None)


_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


# A quoted text, which stays; space inside brackets, which goes; and other space, of which one is left: "between".
_LAYOUT: Final = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")|(?<=\()\s+|\s+(?=\))|(?P<between>\s)\s*')


def parse(expression: str) -> parser.Expr:
    """Return the tree of an expression; raises RuleError with the parser's reason."""
    try:
        return parser.parse(expression)
    except ValueError as error:
        raise RuleError(f"{expression.strip()!r} is no PromQL: {error}") from error


@lru_cache(maxsize=4096)  # rules are read several times, and a long one takes milliseconds
def canonical(expression: str) -> str:
    """Return an expression in the one notation in which two are compared, on one line; raises RuleError.

    A Prometheus gives the conditions of a selector in alphabetical order, and so does this. Of the parser's two
    notations it is the one over many lines that sorts them and escapes quotes, so its lines are put together.
    """
    pretty = parse(expression).prettify().strip()
    return _LAYOUT.sub(lambda found: found["text"] or (found["between"] and " ") or "", pretty)


def selectors(expression: str) -> list[Selector]:
    """Return every selector of an expression, in its order; raises RuleError."""
    return list(_selectors(parse(expression), (), None))


def children(node: Any) -> tuple[Any, ...]:
    """Return the expressions directly below a node of the tree."""
    if isinstance(node, parser.BinaryExpr):
        return (node.lhs, node.rhs)
    if isinstance(node, parser.Call):
        return tuple(node.args)
    if isinstance(node, parser.AggregateExpr):
        return (node.expr,) if node.param is None else (node.param, node.expr)
    if isinstance(node, parser.ParenExpr | parser.UnaryExpr | parser.SubqueryExpr):
        return (node.expr,)
    return ()


def _selectors(node: Any, within: tuple[str, ...], window: timedelta | None) -> Iterator[Selector]:
    if isinstance(node, parser.MatrixSelector):
        yield _selector(node.vector_selector, within, node.range)
    elif isinstance(node, parser.VectorSelector):
        yield _selector(node, within, window)
    else:
        if isinstance(node, parser.Call):
            within = (*within, node.func.name)
        elif isinstance(node, parser.AggregateExpr):
            within = (*within, str(node.op))
        elif isinstance(node, parser.SubqueryExpr):
            window = node.range
        for child in children(node):
            yield from _selectors(child, within, window)


def _selector(node: parser.VectorSelector, within: tuple[str, ...], window: timedelta | None) -> Selector:
    matchers = [Matcher(one.name, _OPS[str(one.op).split(".")[-1]], one.value) for one in node.matchers.matchers]
    name = node.name or next((one.value for one in matchers if one.label == "__name__"), "")
    return Selector(name, tuple(one for one in matchers if one.label != "__name__"), window, within)
