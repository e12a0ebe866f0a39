"""How are an objective's events counted in PromQL, from classic series or from native histograms?"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from alerts import promql
from alerts.errors import RuleError
from alerts.lengths import span
from alerts.promql import Selector
from slo.edges import either_spelling
from slo.objective import Objective

_EDGE: Final = "le"


class Histograms(StrEnum):
    """How a Prometheus keeps histograms: a series a bucket, or all buckets in one sample."""

    CLASSIC = "classic"
    NATIVE = "native"


def counted(one: Objective, query: str, window: timedelta, histograms: Histograms) -> str:
    """Return the events a second that a selector of the catalogue counts over a window; raises RuleError."""
    if histograms is Histograms.CLASSIC:
        return f"sum(rate({either_spelling(query)}[{span(window)}]))"
    (selector,) = promql.selectors(query)
    if selector.metric.endswith("_bucket"):
        rate = f"rate({_native(selector, '_bucket')}[{span(window)}])"
        # Of a series without an observation the fraction is NaN, which would stay in every sum.
        return f"sum(histogram_fraction(0, {_edge(one, selector)}, {rate}) * (histogram_count({rate}) > 0))"
    if selector.metric.endswith("_count"):
        return f"sum(histogram_count(rate({_native(selector, '_count')}[{span(window)}])))"
    return f"sum(rate({query}[{span(window)}]))"


def there(query: str, histograms: Histograms) -> str:
    """Return a selector of the series that a query reads."""
    (selector,) = promql.selectors(query)
    suffix = next((one for one in ("_bucket", "_count") if selector.metric.endswith(one)), None)
    is_classic = histograms is Histograms.CLASSIC or suffix is None
    return either_spelling(query) if is_classic or suffix is None else _native(selector, suffix)


def _native(selector: Selector, suffix: str) -> str:
    kept = [str(one) for one in selector.matchers if one.label != _EDGE]
    inside = f"{{{','.join(kept)}}}" if kept else ""
    return f"{selector.metric.removesuffix(suffix)}{inside}"


def _edge(one: Objective, selector: Selector) -> str:
    """Return the limit, which must be an edge of native buckets, or their share below it is a guess."""
    edge = selector.matched(_EDGE)
    value = Fraction(edge.value) if edge is not None else Fraction(0)
    if not _is_power_of_two(value):
        raise RuleError(
            f"{one.origin}: {one.name}: its limit of {float(value):g} s is no edge of a native histogram, whose edges "
            "are powers of two whatever its resolution: watch it by a classic one, or choose 0.5, 1, 2 or 4 s"
        )
    return edge.value if edge is not None else ""


def _is_power_of_two(value: Fraction) -> bool:
    if value <= 0:
        return False
    odd = max(value.numerator, value.denominator)
    return min(value.numerator, value.denominator) == 1 and odd & (odd - 1) == 0
