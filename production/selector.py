"""What does a query of the catalogue select? One counter, of which some part may live in a native histogram."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from production.errors import QueryError

_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(r"""\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(?:,|$)""")


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric name and its matchers, the `le` of a bucket apart."""

    name: str
    matchers: tuple[str, ...]
    edge: float | None

    @property
    def classic(self) -> str:
        """The counter, a bucket's edge in either spelling: Prometheus 3 writes 2 as 2.0."""
        edge = [] if self.edge is None else [f'le=~"{_spellings(self.edge)}"']
        return _text(self.name, (*self.matchers, *edge))

    @property
    def native(self) -> str | None:
        """The native histogram of the same name, None where the name is none of a histogram's."""
        for suffix in ("_bucket", "_count"):
            if self.name.endswith(suffix):
                return _text(self.name.removesuffix(suffix), self.matchers)
        return None


def parse(query: str) -> Selector:
    """Read a selector; raises QueryError for anything else, since only raw counters can be counted exactly."""
    found = _SELECTOR.fullmatch(query)
    if found is None:
        raise QueryError(f'{query}: gate reads raw counters, so a query is a selector such as name{{label="value"}}')
    name, inside, matchers, edge, position = found[1], found[2] or "", [], None, 0
    while position < len(inside.rstrip()):
        matcher = _MATCHER.match(inside, position)
        if matcher is None:
            raise QueryError(f"{query}: the labels cannot be read from {inside[position:]!r} on")
        position = matcher.end()
        if matcher[1] == "le" and matcher[2] == "=":
            edge = _edge(matcher[3][1:-1], query)
        else:
            matchers.append(f"{matcher[1]}{matcher[2]}{matcher[3]}")
    return Selector(name, tuple(matchers), edge)


def count_in(histogram: Any, selector: Selector) -> float:
    """Return what a sample of a native histogram says: its count, or that of its buckets up to the selector's edge.

    Raises QueryError when the edge lies inside a bucket that is not empty: how many are below it is not known.
    """
    if selector.edge is None:
        return float(histogram["count"])
    below = 0.0
    for _rule, low, high, count in histogram.get("buckets", ()):
        if float(high) <= selector.edge * (1 + 1e-9):
            below += float(count)
        elif float(low) < selector.edge * (1 - 1e-9):
            raise QueryError(
                f"{selector.name}: {selector.edge:g} is no bucket edge of the native histogram (one reaches from {low} "
                f"to {high}), so what is below it cannot be counted"
            )
    return below


def _edge(text: str, query: str) -> float:
    try:
        edge = float(text)
    except ValueError as error:
        raise QueryError(f"{query}: le is {text!r}, a number was meant") from error
    if math.isnan(edge):
        raise QueryError(f"{query}: le is {text!r}, a number was meant")
    return edge


def _spellings(edge: float) -> str:
    if math.isinf(edge):
        return r"\\+Inf"
    short = f"{edge:g}".replace(".", r"\\.")
    return f"{short}|{short}\\\\.0" if edge == int(edge) else short


def _text(name: str, matchers: tuple[str, ...]) -> str:
    return f"{name}{{{','.join(matchers)}}}" if matchers else name
