"""What do the files of the registry say? An unknown key, a name used twice or a ref to nothing is an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from letta_otel.conventions.kinds import Attribute, Instrument, LogField, Metric, Span, SpanKind, Stability, ValueType

from registry.prometheus import prometheus_name

FOLDER: Final = Path(__file__).parent
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_FIELD: Final = re.compile(r"\{([a-z0-9_.]+)\}")
_GROUP_KEYS: Final = {
    "attribute_group": {"id", "type", "brief", "annotations", "attributes"},
    "metric": {
        "id", "type", "metric_name", "instrument", "unit", "stability", "brief", "annotations", "attributes",
    },
    "span": {"id", "type", "span_kind", "stability", "brief", "annotations", "attributes"},
    "log_line": {"id", "type", "brief", "fields"},
}  # fmt: skip
_ATTRIBUTE_KEYS: Final = {"id", "type", "stability", "brief", "examples", "annotations"}
_ANNOTATIONS: Final = {"semconv", "edges", "name", "bounded", "was"}


class RegistryError(Exception):
    """A file of the registry says what cannot be; the message names file, group, what was found, what is allowed."""


@dataclass(frozen=True, slots=True)
class Registry:
    """All names, each kind in the order of the files."""

    attributes: tuple[Attribute, ...]
    metrics: tuple[Metric, ...]
    spans: tuple[Span, ...]
    log_fields: tuple[LogField, ...]


def load(folder: Path = FOLDER) -> Registry:
    """Read all files of a folder; raises RegistryError."""
    groups = [(file.name, group) for file in sorted(folder.glob("*.yaml")) for group in _groups(file)]
    attributes = [one for file, group in groups if group["type"] == "attribute_group" for one in _own(file, group)]
    known = {one.name: one for one in attributes}
    registry = Registry(
        tuple(attributes),
        tuple(_metric(file, group, known) for file, group in groups if group["type"] == "metric"),
        tuple(_span(file, group, known) for file, group in groups if group["type"] == "span"),
        tuple(one for file, group in groups if group["type"] == "log_line" for one in _fields(file, group)),
    )
    _refuse_twice("attribute", [one.name for one in registry.attributes])
    _refuse_twice("metric", [one.name for one in registry.metrics])
    _refuse_twice("Prometheus name", [one.prometheus for one in registry.metrics])
    _refuse_twice("span", [one.id for one in registry.spans])
    _refuse_twice("log field", [one.name for one in registry.log_fields])
    return registry


def _groups(file: Path) -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(file.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise RegistryError(f"{file.name}: not YAML: {error}") from error
    if not isinstance(document, dict) or set(document) != {"groups"} or not isinstance(document["groups"], list):
        raise RegistryError(f"{file.name}: allowed is one key, `groups`, with a list")
    for group in document["groups"]:
        place = f"{file.name}: {group.get('id', 'a group without id')}"
        allowed = _one_of(place, "type", group.get("type"), _GROUP_KEYS)
        _refuse_unknown(place, group, _GROUP_KEYS[allowed])
        missing = _GROUP_KEYS[allowed] - {"annotations"} - set(group)
        if missing:
            raise RegistryError(f"{place}: {', '.join(sorted(missing))} missing")
        _refuse_unknown(f"{place}: annotations", _notes(group), _ANNOTATIONS)
    return list(document["groups"])


def _own(file: str, group: Mapping[str, Any]) -> list[Attribute]:
    return [
        _attribute(f"{file}: {group['id']}", one, str(_notes(group).get("semconv", ""))) for one in group["attributes"]
    ]


def _attribute(place: str, one: Mapping[str, Any], semconv: str) -> Attribute:
    place = f"{place}: {one.get('id', 'an attribute without id')}"
    _refuse_unknown(place, one, _ATTRIBUTE_KEYS)
    notes = _notes(one)
    _refuse_unknown(f"{place}: annotations", notes, _ANNOTATIONS)
    is_closed = isinstance(one.get("type"), dict)
    values = tuple(str(member["value"]) for member in one["type"]["members"]) if is_closed else ()
    kind: ValueType = "string" if is_closed else _one_of(place, "type", one.get("type"), get_args(ValueType))
    if not is_closed and kind != "boolean" and not one.get("examples"):
        raise RegistryError(f"{place}: examples missing")
    return Attribute(
        name=_name(place, one.get("id")),
        type=kind,
        brief=_brief(place, one),
        stability=_one_of(place, "stability", one.get("stability"), get_args(Stability)),
        semconv=semconv,
        values=values,
        is_bounded=is_closed or kind == "boolean" or bool(notes.get("bounded", False)),
        was=tuple(notes.get("was", ())),
    )


def _metric(file: str, group: Mapping[str, Any], known: Mapping[str, Attribute]) -> Metric:
    place = f"{file}: {group['id']}"
    notes = _notes(group)
    name = _name(place, group["metric_name"])
    if group["id"] != f"metric.{name}":
        raise RegistryError(f"{place}: allowed is the id metric.{name}")
    instrument: Instrument = _one_of(place, "instrument", group["instrument"], get_args(Instrument))
    edges = tuple(float(edge) for edge in notes.get("edges", ()))
    if (instrument == "histogram") != bool(edges) or list(edges) != sorted(set(edges)):
        raise RegistryError(f"{place}: allowed is a histogram with ascending edges, or another instrument without")
    attributes, required = _refs(place, group["attributes"], known)
    unbounded = [one for one in attributes if not known[one].is_bounded]
    if unbounded:
        raise RegistryError(f"{place}: {', '.join(unbounded)} has no bound, so it cannot stand on a metric")
    return Metric(
        name=name,
        instrument=instrument,
        unit=group["unit"],
        brief=_brief(place, group),
        stability=_one_of(place, "stability", group["stability"], get_args(Stability)),
        prometheus=prometheus_name(name, group["unit"], instrument),
        semconv=str(notes.get("semconv", "")),
        attributes=attributes,
        required=required,
        edges=edges,
    )


def _span(file: str, group: Mapping[str, Any], known: Mapping[str, Attribute]) -> Span:
    place = f"{file}: {group['id']}"
    attributes, required = _refs(place, group["attributes"], known)
    name = str(_notes(group).get("name", ""))
    not_there = [field for field in _FIELD.findall(name) if field not in required]
    if not name or not_there:
        raise RegistryError(
            f"{place}: annotations.letta_slo.name: allowed are words, and required attributes in braces"
        )
    return Span(
        id=group["id"].removeprefix("span."),
        name=name,
        kind=_one_of(place, "span_kind", group["span_kind"], get_args(SpanKind)),
        brief=_brief(place, group),
        stability=_one_of(place, "stability", group["stability"], get_args(Stability)),
        attributes=attributes,
        required=required,
    )


def _fields(file: str, group: Mapping[str, Any]) -> list[LogField]:
    place = f"{file}: {group['id']}"
    return [
        LogField(
            name=_name(place, one["id"]),
            type=_one_of(place, "type", one["type"], get_args(ValueType)),
            brief=_brief(place, one),
            is_required=one["requirement_level"] == "required",
        )
        for one in group["fields"]
    ]


def _refs(
    place: str, refs: Sequence[Mapping[str, Any]], known: Mapping[str, Attribute]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    for ref in refs:
        _refuse_unknown(place, ref, {"ref", "requirement_level"})
        if ref.get("ref") not in known:
            raise RegistryError(f"{place}: ref {ref.get('ref')}: no file defines this attribute")
    names = tuple(ref["ref"] for ref in refs)
    _refuse_twice(f"{place}: ref", names)
    return names, tuple(ref["ref"] for ref in refs if ref.get("requirement_level") == "required")


def _notes(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    notes = entry.get("annotations", {}).get("letta_slo", {})
    return notes if isinstance(notes, dict) else {}


def _brief(place: str, entry: Mapping[str, Any]) -> str:
    brief = entry.get("brief")
    if not isinstance(brief, str) or not brief.rstrip().endswith("."):
        raise RegistryError(f"{place}: brief: found {brief!r}, allowed is a sentence with a full stop")
    return brief.strip()


def _name(place: str, name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RegistryError(f"{place}: found the name {name!r}, allowed are words of a-z, 0-9 and _ joined by dots")
    return name


def _one_of(place: str, key: str, found: Any, allowed: Iterable[str]) -> Any:
    if found not in tuple(allowed):
        raise RegistryError(f"{place}: {key}: found {found!r}, allowed is one of {', '.join(allowed)}")
    return found


def _refuse_unknown(place: str, entry: Mapping[str, Any], allowed: set[str]) -> None:
    unknown = sorted(set(entry) - allowed)
    if unknown:
        raise RegistryError(f"{place}: found {', '.join(unknown)}, allowed is {', '.join(sorted(allowed))}")


def _refuse_twice(kind: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RegistryError(f"{kind} {', '.join(twice)}: defined twice")
