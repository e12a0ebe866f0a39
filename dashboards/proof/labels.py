"""Which labels may be absent from a series, by the registry of names? `error.type` is, where there was no error."""

from __future__ import annotations

from functools import cache

from letta_otel.conventions import metrics as conventions
from letta_otel.conventions.kinds import Metric

from alerts.errors import RuleError
from alerts.promql import selectors
from dashboards.proof.families import family


def optional_labels(expression: str) -> frozenset[str]:
    """Return the labels that series of these metrics have now and then, as a Prometheus spells them."""
    try:
        names = {one.metric for one in selectors(expression)}
    except RuleError:  # said elsewhere
        return frozenset()
    return frozenset[str]().union(*(_optional().get(family(name), frozenset()) for name in names))


@cache
def _optional() -> dict[str, frozenset[str]]:
    found = (one for one in vars(conventions).values() if isinstance(one, Metric))
    return {
        one.prometheus: frozenset(name.replace(".", "_") for name in set(one.attributes) - set(one.required))
        for one in found
    }
