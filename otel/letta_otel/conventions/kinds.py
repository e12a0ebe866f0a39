"""What is said of each name: the types of the tables in this package, which are rendered from `otel/registry/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ValueType = Literal["string", "int", "double", "boolean", "string[]"]
Stability = Literal["stable", "development"]
Instrument = Literal["counter", "updowncounter", "gauge", "histogram"]
SpanKind = Literal["internal", "server", "client", "producer", "consumer"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. `semconv` is the version of OpenTelemetry's conventions that has it; empty: it is ours.

    `values` is its closed set, empty when it is open. `is_bounded` says that it may stand on a metric. `was` are
    spellings that nobody should use any more.
    """

    name: str
    type: ValueType
    brief: str
    stability: Stability
    semconv: str = ""
    values: tuple[str, ...] = ()
    is_bounded: bool = False
    was: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `attributes` are all that may stand on it, `required` those that always do.

    `edges` are the upper edges of a histogram's buckets, in its unit. `prometheus` is the name under which a Prometheus
    shows it, a histogram's without `_bucket`, `_count` and `_sum`.
    """

    name: str
    instrument: Instrument
    unit: str
    brief: str
    stability: Stability
    prometheus: str
    semconv: str = ""
    attributes: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """One kind of span. Its name is `name` with the values of the attributes in braces."""

    id: str
    name: str
    kind: SpanKind
    brief: str
    stability: Stability
    attributes: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogField:
    """One field of a log line in JSON that is no attribute."""

    name: str
    type: ValueType
    brief: str
    is_required: bool
