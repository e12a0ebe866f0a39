"""Which unit do the values of an expression have, as far as its names tell, and is the panel's one of that kind?

Names are those that Prometheus advises (https://prometheus.io/docs/practices/naming/): `_seconds`, `_bytes`, `_ratio`,
`_total`. What they do not tell is not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import promql_parser as parser
from letta_otel.conventions import metrics as conventions
from letta_otel.conventions.kinds import Metric

from alerts import names
from alerts.promql import selectors


@dataclass(frozen=True, slots=True)
class Unit:
    """Powers of seconds, bytes and things; `is_percent` for what was multiplied by 100."""

    seconds: int = 0
    bytes: int = 0
    things: int = 0
    is_percent: bool = False

    def over(self, other: Unit) -> Unit:
        """Return the unit of a quotient."""
        powers = (self.seconds - other.seconds, self.bytes - other.bytes, self.things - other.things)
        return Unit(*powers, is_percent=self.is_percent and not other.is_percent)

    def times(self, other: Unit) -> Unit:
        """Return the unit of a product."""
        powers = (self.seconds + other.seconds, self.bytes + other.bytes, self.things + other.things)
        return Unit(*powers, is_percent=self.is_percent or other.is_percent)


SHARE, THINGS, SECONDS, BYTES = Unit(), Unit(things=1), Unit(seconds=1), Unit(bytes=1)
PER_SECOND, BYTES_A_SECOND, PERCENT = Unit(-1, 0, 1), Unit(-1, 1, 0), Unit(is_percent=True)

# Grafana's identifiers: https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
_OF_PANEL: Final[dict[str, frozenset[Unit]]] = {
    **dict.fromkeys(("s", "dtdurations", "dtdhms", "clocks"), frozenset({SECONDS})),
    **dict.fromkeys(("bytes", "decbytes"), frozenset({BYTES})),
    **dict.fromkeys(("Bps", "binBps"), frozenset({BYTES_A_SECOND})),
    **dict.fromkeys(("reqps", "ops", "cps", "rps", "wps", "iops", "pps", "mps", "eps"), frozenset({PER_SECOND})),
    **dict.fromkeys(("short", "none", "", "locale"), frozenset({SHARE, THINGS})),
    "percentunit": frozenset({SHARE}),
    "percent": frozenset({PERCENT}),
    **dict.fromkeys(("ms", "µs", "ns", "m", "h", "d", "dtdurationms"), frozenset()),  # names are in seconds
    **dict.fromkeys(("bits", "kbytes", "mbytes", "gbytes", "bps", "KBs", "MBs"), frozenset()),
}
_SAID: Final = {
    SHARE: "a share", THINGS: "a number of things", SECONDS: "seconds", BYTES: "bytes",
    PER_SECOND: "things a second", BYTES_A_SECOND: "bytes a second", PERCENT: "percent",
}  # fmt: skip
_PER_SECOND_OF: Final = frozenset({"rate", "irate", "deriv"})
_COUNTING: Final = frozenset({"count", "count_over_time", "changes", "resets", "count_values", "group"})
_TIMES: Final = frozenset({"time", "timestamp"})
_UNKNOWN: Final = frozenset("absent absent_over_time present_over_time ln exp sgn stdvar stdvar_over_time".split())


def complaint(expression: str, unit: str) -> str:
    """Return what is wrong with a panel's unit, empty where nothing is or the names do not tell."""
    tree = parser.parse(expression)
    known = _of(tree)
    allowed = _OF_PANEL.get(unit)
    if known is None or allowed is None or _without_things(known) in allowed or known in allowed:
        return ""
    said = _SAID.get(_without_things(known)) or _SAID.get(known)
    return f"the unit of the panel is {unit or 'none'!r}, the expression gives {said}" if said else ""


def _without_things(unit: Unit) -> Unit:
    """Return seconds a request as seconds, and bytes a request as bytes: that is how averages are shown."""
    is_average = unit.things < 0 and (unit.seconds, unit.bytes) in ((1, 0), (0, 1))
    return Unit(unit.seconds, unit.bytes) if is_average else unit


def _of(node: Any) -> Unit | None:
    if isinstance(node, parser.VectorSelector | parser.MatrixSelector):
        selector: Any = node.vector_selector if isinstance(node, parser.MatrixSelector) else node
        return of_metric(selector.name or "")
    if isinstance(node, parser.ParenExpr | parser.UnaryExpr | parser.SubqueryExpr):
        return _of(node.expr)
    if isinstance(node, parser.AggregateExpr):
        return THINGS if str(node.op) in _COUNTING else _of(node.expr)
    if isinstance(node, parser.Call):
        return _of_call(node)
    if isinstance(node, parser.BinaryExpr):
        return _of_binary(node)
    return None


def _of_call(node: Any) -> Unit | None:
    name = str(node.func.name)
    if name in _TIMES:
        return SECONDS
    if name in _COUNTING:
        return THINGS
    if name in _UNKNOWN or not node.args:
        return None
    if name == "histogram_quantile":
        return _of_bucket(node.args[1])
    given = node.args[1 if name == "quantile_over_time" else 0]
    found = _of(given)
    return found.over(SECONDS) if found is not None and name in _PER_SECOND_OF else found


def _of_bucket(node: Any) -> Unit | None:
    """Return the unit in which the edges of a histogram are."""
    names = {one.metric for one in selectors(str(node.prettify()))}
    found = {of_metric(name.removesuffix("_bucket")) for name in names if name.endswith("_bucket")}
    return found.pop() if len(found) == 1 else None


def _of_binary(node: Any) -> Unit | None:
    op = str(node.op)
    left, right = node.lhs, node.rhs
    if op in ("*", "/"):
        return _of_product(left, right, is_quotient=op == "/")
    number = [isinstance(_bare(one), parser.NumberLiteral) for one in (left, right)]
    if op in ("+", "-", "or"):
        units = [_of(one) for one, is_number in zip((left, right), number, strict=True) if not is_number]
        known = {one for one in units if one is not None}
        return known.pop() if len(known) == 1 else None
    return None if op in ("^", "%", "atan2") or getattr(node.modifier, "return_bool", False) else _of(left)


def _of_product(left: Any, right: Any, *, is_quotient: bool) -> Unit | None:
    for one, other in ((left, right), (right, left)):
        number = _bare(one)
        if isinstance(number, parser.NumberLiteral):
            return _scaled(_of(other), number.val) if not (is_quotient and one is left) else None
    units = (_of(left), _of(right))
    if units[0] is None or units[1] is None:
        return None
    return units[0].over(units[1]) if is_quotient else units[0].times(units[1])


def _scaled(unit: Unit | None, factor: float) -> Unit | None:
    """Return what a factor makes of a unit: of a share, 100 makes percent; of others names do not tell."""
    if unit is not None and factor == 100:
        return replace(unit, is_percent=True)
    return unit if factor in (-1, 0, 1) else None


def _bare(node: Any) -> Any:
    return _bare(node.expr) if isinstance(node, parser.ParenExpr) else node


_ENDINGS: Final[tuple[tuple[str, Callable[[str], Unit | None]], ...]] = (
    ("_bucket", lambda _: THINGS),
    ("_sum", lambda rest: of_metric(rest) if rest else None),
    ("_total", lambda rest: of_metric(rest) or THINGS),
    ("_seconds", lambda _: SECONDS),
    (":seconds", lambda _: SECONDS),
    ("_bytes", lambda _: BYTES),
    ("_ratio", lambda _: SHARE),
    (":ratio", lambda _: SHARE),
)


def of_metric(name: str) -> Unit | None:
    """Return the unit of a series by its name, None where it does not tell."""
    if name.startswith((names.BURN_PREFIX, names.ERROR_PREFIX)):
        return SHARE
    if ":rate" in name:
        return PER_SECOND
    if ":increase" in name:
        return THINGS
    if name.endswith("_count"):
        return THINGS
    for ending, unit in _ENDINGS:
        if name.endswith(ending):
            return unit(name.removesuffix(ending))
    return THINGS if name in _own_gauges() else None


@cache
def _own_gauges() -> frozenset[str]:
    """What our own registry counts at a time: requests in hand, sessions, connections."""
    found = (one for one in vars(conventions).values() if isinstance(one, Metric))
    return frozenset(one.prometheus for one in found if one.instrument in ("updowncounter", "gauge"))
