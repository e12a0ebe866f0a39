"""At which number does an alarm of the platform begin? For the colours of a dashboard, which must say the same."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any, Final

import promql_parser as parser

from alerts.errors import RuleError
from alerts.platform import load
from alerts.promql import children, parse

_COMPARISONS: Final = {">", ">=", "<", "<="}


@cache
def begins_at(name: str) -> Fraction:
    """Return the first number that the expression of a shipped alarm compares with; raises RuleError without one."""
    found = next((one for one in load() if one.name == name), None)
    number = next(_limits(parse(found.expression)), None) if found is not None else None
    if number is None:
        raise RuleError(f"there is no alarm {name!r} that compares with a number")
    return number


def _limits(node: Any) -> Iterator[Fraction]:
    is_comparison = isinstance(node, parser.BinaryExpr) and str(node.op) in _COMPARISONS
    if is_comparison and isinstance(node.rhs, parser.NumberLiteral):
        yield Fraction(str(node.rhs.val))
    for child in children(node):
        yield from _limits(child)
