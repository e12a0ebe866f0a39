"""How is a question put in PromQL, so that its answer is right where nothing happened, failed, or is known?

- A share is of a rate above zero: where there was no traffic there is no share, and nobody reads 0 % of nothing.
- What never happened has no series; a part of a share is then 0 of the whole, and not missing.
- A quantile of no requests is not a number, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from letta_otel.conventions.kinds import Metric

from slo.edges import either_spelling
from slo.objective import Kind, Objective

WINDOW = "$__rate_interval"  # Grafana: at least four scrapes, so that rate() always has two samples
# A collector measures its own HTTP server under the name that Letta's is measured by.
NOT_A_COLLECTOR = 'job!~"otelcol.*"'
CHOSEN = ('job=~"$job"', 'instance=~"$instance"')


def label(attribute: str) -> str:
    """Return how a Prometheus spells the name of an attribute."""
    return attribute.replace(".", "_")


def series(name: str, *where: str) -> str:
    """Return a selector: a metric with conditions on its labels."""
    return f"{name}{{{','.join(where)}}}" if where else name


def summed(expression: str, by: Iterable[str] = ()) -> str:
    """Return the sum of an expression, one for each value of these labels."""
    names = ", ".join(map(label, by))
    return f"sum by ({names}) ({expression})" if names else f"sum({expression})"


def rate(name: str, *where: str, by: Iterable[str] = ()) -> str:
    """Return how much a second a counter grew, summed by labels."""
    return summed(f"rate({series(name, *where)}[{WINDOW}])", by)


def grown(name: str, *where: str, by: Iterable[str] = ()) -> str:
    """Return by how much a counter grew in the whole range that the dashboard shows."""
    return summed(f"increase({series(name, *where)}[$__range])", by)


def share(part: str, whole: str) -> str:
    """Return a part as a share of a whole with the same labels: 0 where there is no part, nothing where no whole."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def count_of(metric: Metric) -> str:
    """Return the name of the series that counts what a histogram measured."""
    return f"{metric.prometheus}_count"


def sum_of(metric: Metric) -> str:
    """Return the name of the series that adds up what a histogram measured."""
    return f"{metric.prometheus}_sum"


def bucket_of(metric: Metric) -> str:
    """Return the name of the series of a histogram's buckets."""
    return f"{metric.prometheus}_bucket"


def quantile(q: str, metric: Metric, *where: str, by: tuple[str, ...] = ()) -> str:
    """Return a quantile of a histogram by labels; between its edges it is interpolated."""
    buckets = rate(bucket_of(metric), *where, by=("le", *by))
    return f"histogram_quantile({q}, {buckets}) >= 0"


def mean(metric: Metric, *where: str, by: tuple[str, ...] = ()) -> str:
    """Return the mean of what a histogram measured."""
    return f"{rate(sum_of(metric), *where, by=by)} / ({rate(count_of(metric), *where, by=by)} > 0)"


def error_share(name: str, *where: str, failed: str, by: tuple[str, ...] = ()) -> str:
    """Return the share of events that a condition calls failed."""
    return share(rate(name, *where, failed, by=by), rate(name, *where, by=by))


def classed(expression: str, attribute: str) -> str:
    """Return an expression in which what has no value of an attribute, such as a class of error, is called `none`."""
    name = label(attribute)
    return f'label_replace({expression}, "{name}", "none", "{name}", "")'


def good_share(one: Objective) -> str:
    """Return the share of good events of an objective by its own queries.

    At most 1: within a short window more can be answered than was taken. Queries that count different things have an
    alert of their own.
    """
    good, total = (
        f"sum(rate({either_spelling(query or '')}[{WINDOW}]))" for query in (one.good_query, one.total_query)
    )
    return f"clamp_max({share(good, total)}, 1)"


def shares(objectives: Iterable[Objective]) -> list[Objective]:
    """Return those objectives that promise a share."""
    return [one for one in objectives if one.kind is Kind.SHARE]


def spelled(names: Iterable[str], *where: str, by: Iterable[str] = ()) -> str:
    """Return the sum of the rates of the collector's counters, with or without `_total` at their end.

    On its own page a counter has no suffix, and by remote write it has one; both at once would be counted twice.
    """
    labels = tuple(by)
    each = [f"({rate(f'{name}_total', *where, by=labels)} or {rate(name, *where, by=labels)})" for name in names]
    # One may have series that the next has not, and "+" would lose these.
    parts = (f'label_replace({one}, "part", "{number}", "", "")' for number, one in enumerate(each))
    return summed(" or ".join(parts), labels)
