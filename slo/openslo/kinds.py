"""What OpenSLO v1 allows in each kind of document (github.com/OpenSLO/OpenSLO, README of v1), as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from slo.openslo.schema import (
    Anything,
    Choice,
    Either,
    Field,
    Flag,
    ListOf,
    Number,
    Record,
    Schema,
    Text,
    WordMap,
)

__all__ = ["API_VERSION", "KINDS"]

API_VERSION = "openslo/v1"

_NAME = Text(
    "at most 63 lower-case letters, digits and dashes, a letter or digit at both ends",
    63,
    r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
)
_DESCRIPTION = Text("text of at most 1050 characters", 1050)
_DURATION = Text("a number and one of m, h, d, w, M, Q, Y, such as 28d", 20, r"[1-9]\d{0,8}[mhdwMQY]")
# The specification wants a positive number, and gives 0m as the default of alertAfter; both are taken there.
_DELAY = Text("a number and one of m, h, d, w, M, Q, Y, such as 5m, or 0m", 20, r"(0m|[1-9]\d{0,8}[mhdwMQY])")
_WORD = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY_ALLOWED = "at most 63 letters, digits, dashes, underscores and dots, a letter or digit at both ends"
_SHARE = Number("a number above 0 and below 1, such as 0.999", Fraction(0), Fraction(1))


def _record(required: Mapping[str, Schema], optional: Mapping[str, Schema], *exactly_one: tuple[str, ...]) -> Record:
    fields = {key: Field(schema, required=True) for key, schema in required.items()}
    fields |= {key: Field(schema) for key, schema in optional.items()}
    return Record(MappingProxyType(fields), exactly_one)


_METADATA = _record(
    {"name": _NAME},
    {
        "displayName": Text(),
        "labels": WordMap(Either(Text(), ListOf(Text()), "text or a list of texts"), _WORD, _KEY_ALLOWED),
        "annotations": WordMap(Text(), rf"([a-z0-9.-]{{1,253}}/)?{_WORD}", f"an optional prefix/ and {_KEY_ALLOWED}"),
    },
)

_METRIC = _record(
    {
        "metricSource": _record(
            {"spec": WordMap(Anything(), r"(?s).+", "any key")}, {"metricSourceRef": _NAME, "type": Text()}
        )
    },
    {},
)
_RATIO = _record(
    {},
    {
        "counter": Flag(),
        "good": _METRIC,
        "bad": _METRIC,
        "total": _METRIC,
        "rawType": Choice(("success", "failure")),
        "raw": _METRIC,
    },
    ("good", "bad", "raw"),
    ("total", "raw"),
)
_SLI = _record(
    {},
    {"description": _DESCRIPTION, "thresholdMetric": _METRIC, "ratioMetric": _RATIO},
    ("thresholdMetric", "ratioMetric"),
)

_OBJECTIVE = _record(
    {},
    {
        "displayName": Text(),
        "op": Choice(("lte", "gte", "lt", "gt")),
        "value": Number(),
        "target": _SHARE,
        "targetPercent": Number("a number above 0 and below 100, such as 99.9", Fraction(0), Fraction(100)),
        "timeSliceTarget": Number("a number above 0 and at most 1", Fraction(0), Fraction(1) + Fraction(1, 10**15)),
        "timeSliceWindow": Either(Number(above=Fraction(0)), _DURATION, "a number of minutes or a duration such as 1m"),
    },
)
_TIME_WINDOW = _record(
    {"duration": _DURATION},
    {
        "isRolling": Flag(),
        "calendar": _record({"startTime": Text(), "timeZone": Text()}, {}),
    },
)

_CONDITION = _record(
    {
        "severity": Text(),
        "condition": _record(
            {"threshold": Number("a number above 0, such as 14.4", Fraction(0)), "lookbackWindow": _DURATION},
            {"kind": Choice(("burnrate",)), "alertAfter": _DELAY},
        ),
    },
    {"description": _DESCRIPTION},
)
_TARGET = _record({"target": Text()}, {"description": _DESCRIPTION})


@dataclass(frozen=True, slots=True)
class _RefOrInline:
    """A reference by name, or the whole object in its place."""

    reference: str
    kind: str
    spec: Schema

    def schema(self) -> Record:
        fields = {
            self.reference: Field(_NAME),
            "kind": Field(Choice((self.kind,))),
            "metadata": Field(_METADATA),
            "spec": Field(self.spec),
        }
        return Record(
            MappingProxyType(fields), ((self.reference, "kind"), (self.reference, "metadata"), (self.reference, "spec"))
        )


_POLICY = _record(
    {
        "conditions": ListOf(_RefOrInline("conditionRef", "AlertCondition", _CONDITION).schema(), 1, 1),
        "notificationTargets": ListOf(_RefOrInline("targetRef", "AlertNotificationTarget", _TARGET).schema(), 1),
    },
    {
        "description": _DESCRIPTION,
        "alertWhenNoData": Flag(),
        "alertWhenResolved": Flag(),
        "alertWhenBreaching": Flag(),
    },
)

_SLO = _record(
    {
        "service": _NAME,
        "budgetingMethod": Choice(("Occurrences", "Timeslices", "RatioTimeslices")),
        "objectives": ListOf(_OBJECTIVE, 1),
    },
    {
        "description": _DESCRIPTION,
        "indicator": _record({"metadata": _METADATA, "spec": _SLI}, {}),
        "indicatorRef": _NAME,
        "timeWindow": ListOf(_TIME_WINDOW, 1, 1),
        "alertPolicies": ListOf(_RefOrInline("alertPolicyRef", "AlertPolicy", _POLICY).schema()),
    },
    ("indicator", "indicatorRef"),
)

_SPECS: Mapping[str, Schema] = {
    "Service": _record({}, {"description": _DESCRIPTION}),
    "DataSource": _record({"type": Text()}, {"description": _DESCRIPTION, "connectionDetails": Anything()}),
    "SLI": _SLI,
    "SLO": _SLO,
    "AlertPolicy": _POLICY,
    "AlertCondition": _CONDITION,
    "AlertNotificationTarget": _TARGET,
}

KINDS: Mapping[str, Record] = MappingProxyType(
    {
        kind: _record(
            {"apiVersion": Choice((API_VERSION,)), "kind": Choice((kind,)), "metadata": _METADATA, "spec": spec}, {}
        )
        for kind, spec in _SPECS.items()
    }
)
