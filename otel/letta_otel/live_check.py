"""Does what a process really sends keep to the registry? Holds decoded OTLP against the tables of `conventions`.

It reads the messages of `opentelemetry.proto` (export requests for traces, metrics and logs) and imports none of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from letta_otel.conventions import attributes, metrics, spans
from letta_otel.conventions.kinds import Attribute, Instrument, Metric, Span

Fault = Literal[
    "unknown metric",
    "unknown span",
    "unknown attribute",
    "deprecated spelling",
    "attribute missing",
    "metric missing",
    "span missing",
    "wrong unit",
    "wrong instrument",
    "wrong temporality",
    "wrong edges",
    "wrong type",
    "value not allowed",
    "no bound",
]
MOST_SERIES: Final = 500  # of one metric in one process; ours has 27 at most with the closed sets of the registry

_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")  # trace.proto, Span.SpanKind
_CUMULATIVE: Final = 2  # metrics.proto, AggregationTemporality
_VALUES: Final = {
    "string_value": "string",
    "int_value": "int",
    "double_value": "double",
    "bool_value": "boolean",
    "array_value": "string[]",
}
_NOW: Final = {old: one.name for one in attributes.ALL.values() for old in one.was}

Attributes = Mapping[str, Any]  # name → AnyValue


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One way in which something does not keep to the registry: what, where, and in which words."""

    fault: Fault
    place: str
    words: str

    def __str__(self) -> str:
        return f"{self.fault}: {self.place}: {self.words}"


class LiveCheck:
    """Takes everything that was sent, in any order, and says what is wrong with it.

    `foreign_scopes` are the beginnings of names of instrumentation scopes that are none of ours; of these the
    attributes are not looked at.
    """

    def __init__(self, *, foreign_scopes: tuple[str, ...] = (), most_series: int = MOST_SERIES) -> None:
        self._foreign_scopes = foreign_scopes
        self._most_series = most_series
        self._found: Counter[Finding] = Counter()
        self._series: dict[str, set[tuple[str, ...]]] = {}
        self._seen_metrics: set[str] = set()
        self._seen_spans: set[str] = set()

    def take_spans(self, request: Any) -> None:
        """Look at an ExportTraceServiceRequest."""
        for resource in request.resource_spans:
            self._look_at_resource(resource.resource)
            for span in self._ours(resource.scope_spans, "spans"):
                self._look_at_span(span)

    def take_metrics(self, request: Any) -> None:
        """Look at an ExportMetricsServiceRequest."""
        for resource in request.resource_metrics:
            self._look_at_resource(resource.resource)
            instance = _text(_named(resource.resource.attributes).get(attributes.SERVICE_INSTANCE_ID))
            for metric in self._ours(resource.scope_metrics, "metrics"):
                self._look_at_metric(metric, instance)

    def take_logs(self, request: Any) -> None:
        """Look at an ExportLogsServiceRequest."""
        for resource in request.resource_logs:
            self._look_at_resource(resource.resource)
            for record in self._ours(resource.scope_logs, "log_records"):
                self._look_at_attributes("log record", _named(record.attributes))

    def findings(
        self, *, expected_metrics: Iterable[str] = (), expected_spans: Iterable[str] = ()
    ) -> tuple[tuple[Finding, int], ...]:
        """Return what was found, and how often; what was expected and never came is a finding, too."""
        found = self._found.copy()
        for name in set(expected_metrics) - self._seen_metrics:
            found[Finding("metric missing", name, "it never came")] += 1
        for name in set(expected_spans) - self._seen_spans:
            found[Finding("span missing", name, "it never came")] += 1
        return tuple(sorted(found.items()))

    def _ours(self, scopes: Iterable[Any], content: str) -> Iterator[Any]:
        for scope in scopes:
            if not scope.scope.name.startswith(self._foreign_scopes or "\0"):
                yield from getattr(scope, content)

    def _look_at_resource(self, resource: Any) -> None:
        self._look_at_attributes("resource", _named(resource.attributes))

    def _look_at_span(self, span: Any) -> None:
        given = _named(span.attributes)
        kind = _KINDS[span.kind]
        declared = next(
            (one for one in spans.ALL.values() if one.kind == kind and _name_of(one, given) == span.name), None
        )
        if declared is None:
            self._say("unknown span", f"{kind} span {span.name}", "the registry has no such name of this kind")
        else:
            self._seen_spans.add(declared.id)
        place = f"span {declared.id}" if declared else f"{kind} span"
        self._look_at_attributes(place, given, declared)
        for event in span.events:
            self._look_at_attributes(f"event {event.name}", _named(event.attributes))

    def _look_at_metric(self, sent: Any, instance: str) -> None:
        place = f"metric {sent.name}"
        declared = metrics.ALL.get(sent.name)
        if declared is None:
            self._say("unknown metric", place, "the registry has no such name")
        else:
            self._seen_metrics.add(sent.name)
            self._look_at_kind(place, sent, declared)
        series = self._series.setdefault(sent.name, set())
        kind = sent.WhichOneof("data")
        for point in getattr(sent, kind).data_points:
            given = _named(point.attributes)
            self._look_at_attributes(place, given, declared)
            series.add((instance, *(f"{name}={_text(value)}" for name, value in sorted(given.items()))))
            if declared and kind == "histogram" and tuple(point.explicit_bounds) != declared.edges:
                found, allowed = list(point.explicit_bounds), list(declared.edges)
                self._say("wrong edges", place, f"found {found}, allowed is {allowed}")
        most = Counter(one[0] for one in series).most_common(1)
        if most and most[0][1] > self._most_series:
            self._say("no bound", place, f"more than {self._most_series} series from one process")

    def _look_at_kind(self, place: str, sent: Any, declared: Metric) -> None:
        if sent.unit != declared.unit:
            self._say("wrong unit", place, f"found {sent.unit!r}, allowed is {declared.unit!r}")
        kind = sent.WhichOneof("data")
        found: Instrument | str = kind
        if kind == "sum":
            found = "counter" if sent.sum.is_monotonic else "updowncounter"
        if found != declared.instrument:
            self._say("wrong instrument", place, f"found {found}, allowed is {declared.instrument}")
        if kind in {"sum", "histogram"} and getattr(sent, kind).aggregation_temporality != _CUMULATIVE:
            self._say("wrong temporality", place, "found delta, allowed is cumulative")

    def _look_at_attributes(self, place: str, given: Attributes, declared: Metric | Span | None = None) -> None:
        for name, value in given.items():
            known = attributes.ALL.get(name)
            if known is None and name in _NOW:
                self._say("deprecated spelling", place, f"found {name}, allowed is {_NOW[name]}")
            elif known is None:
                self._say("unknown attribute", place, f"the registry has no {name}")
            else:
                self._look_at_value(place, known, value)
                if declared is not None and name not in declared.attributes:
                    self._say("unknown attribute", place, f"{name} is not declared for it")
        for name in declared.required if declared is not None else ():
            if name not in given:
                self._say("attribute missing", place, name)

    def _look_at_value(self, place: str, known: Attribute, value: Any) -> None:
        found = _VALUES.get(value.WhichOneof("value") or "", "nothing")
        if found != known.type:
            self._say("wrong type", place, f"{known.name}: found {found}, allowed is {known.type}")
        elif known.values and value.string_value not in known.values:
            allowed = ", ".join(known.values)
            self._say(
                "value not allowed", place, f"{known.name}: found {value.string_value!r}, allowed is one of {allowed}"
            )

    def _say(self, fault: Fault, place: str, words: str) -> None:
        self._found[Finding(fault, place, words)] += 1


def _named(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: pair.value for pair in pairs}


def _name_of(declared: Span, given: Attributes) -> str:
    name = declared.name
    for one in declared.required:
        if one in given:
            name = name.replace(f"{{{one}}}", _text(given[one]))
    return name


def _text(value: Any) -> str:
    kind = value.WhichOneof("value") if value is not None else None
    return str(getattr(value, kind)) if kind else ""
