"""Which series are known: those of our registry, of the exporters beside it, and those that the rules record?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml
from letta_otel.conventions import metrics
from letta_otel.conventions.kinds import Metric

from alerts.errors import RuleError
from alerts.lint.rule import Rule
from alerts.promql import selectors

Kind = Literal["counter", "gauge", "unknown"]

# What a scrape, or whoever discovers the target, adds; a series may have any of them.
TARGET_LABELS: Final = frozenset(
    "job instance namespace pod container node cluster service service_name service_namespace "
    "service_instance_id deployment_environment_name host_name".split()
)
_EXPORTERS: Final = Path(__file__).with_name("exporters.yaml")
_OF_PROMETHEUS: Final = {
    "up": "gauge",
    "ALERTS": "gauge",
    "ALERTS_FOR_STATE": "gauge",
    "scrape_duration_seconds": "gauge",
    "target_info": "gauge",
}


@dataclass(frozen=True, slots=True)
class Series:
    """One name of a series: what it is, and its labels besides those of the target; None: they are not known."""

    name: str
    kind: Kind
    labels: frozenset[str] | None


Vocabulary = Mapping[str, Series]


@cache
def shipped() -> Mapping[str, Series]:
    """Return the series of our registry and of the exporters in `exporters.yaml`."""
    every = [series for metric in vars(metrics).values() if isinstance(metric, Metric) for series in _of(metric)]
    every += [Series(name, "gauge", None) for name in _OF_PROMETHEUS]
    for exporter in yaml.safe_load(_EXPORTERS.read_text())["exporters"].values():
        for name, (kind, *labels) in exporter["series"].items():
            every.append(Series(name, kind, frozenset(labels)))
            if exporter.get("without_total_when_scraped") and name.endswith("_total"):
                every.append(Series(name.removesuffix("_total"), kind, frozenset(labels)))
    return {one.name: one for one in every}


def metrics_read(rules: Iterable[Rule]) -> set[str]:
    """Return the names, or patterns of names, that rules read; of one that is no PromQL none."""
    read: set[str] = set()
    for rule in rules:
        with suppress(RuleError):  # the check of the syntax tells of it
            read |= {one.metric for one in selectors(rule.expression)}
    return read


def recorded(rules: Iterable[Rule]) -> dict[str, Series]:
    """Return the series that rules record."""
    return {one.name: Series(one.name, "gauge", None) for one in rules if not one.is_alert}


def seen(read: Iterable[str], ask: Callable[[str], Iterable[Mapping[str, str]]]) -> dict[str, Series]:
    """Return the series that a Prometheus has of the names, or patterns of names, that rules read.

    `ask` gives the labels of each series, its name among them, that a selector finds.
    """
    known, labels = shipped(), dict[str, set[str]]()
    for name in sorted(set(read)):
        for one in ask(f'{{__name__=~"{name}"}}'):
            labels.setdefault(one["__name__"], set()).update(set(one) - {"__name__"})
    return {name: Series(name, _kind(name, known), frozenset(of_it)) for name, of_it in labels.items()}


def _kind(name: str, known: Vocabulary) -> Kind:
    if name in known:
        return known[name].kind
    return "counter" if name.endswith(("_total", "_bucket", "_count", "_sum")) else "gauge"


def nearest(name: str, known: Vocabulary) -> str | None:
    """Return the known name that was probably meant, None when none is near."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=0.85)), None)


def _of(metric: Metric) -> Iterable[Series]:
    labels = frozenset(one.replace(".", "_") for one in metric.attributes)
    if metric.instrument == "histogram":
        yield Series(f"{metric.prometheus}_bucket", "counter", labels | {"le"})
        yield Series(f"{metric.prometheus}_count", "counter", labels)
        yield Series(f"{metric.prometheus}_sum", "counter", labels)
        yield Series(metric.prometheus, "counter", labels)  # as a native histogram
    else:
        yield Series(metric.prometheus, "counter" if metric.instrument == "counter" else "gauge", labels)
