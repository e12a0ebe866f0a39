"""What OpenSLO has no word for: which load samples count, how they are judged, where a number comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import TypeVar

from slo.maintenance import ALLOWED, Maintenance, parse
from slo.objective import Kind, Measure, Phase, SampleFilter, Source
from slo.openslo.documents import Document, child
from slo.openslo.values import SELECTOR, limit_s
from slo.openslo.yaml_tree import Leaf, Table, nearest
from slo.operations import OPERATIONS, SERVICE_OF

__all__ = ["ANNOTATIONS", "PREFIX", "Meaning", "read", "refuse"]

PREFIX = "letta-slo/"

_Word = TypeVar("_Word", bound=StrEnum)

ANNOTATIONS: Mapping[str, str] = MappingProxyType(
    {
        "operations": "the operations of a load run that count, separated by commas",
        "phases": "the phases of a run in which they count, separated by commas: steady, drill, recovery",
        "measure": "what is held against the limit: response_time, time_to_first_token, or none for availability",
        "limit": "the time that a good request stays strictly under, such as 2s or 500ms; absent with measure none",
        "answered-by": "who must have answered a good request: letta or memory-python; absent when anybody may",
        "kind": "share (default), or invariant: a rule that no request may break",
        "maintenance": "when the service is worked on by appointment, so that nothing counts for its budget",
        "in-flight": "a gauge of the events that the total has counted already and the good not yet",
        "source": "the requirement that the number comes from",
        "reason": "why this number, where the requirement leaves it open",
    }
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the annotations of an objective say."""

    kind: Kind
    samples: SampleFilter
    source: str
    maintenance: tuple[Maintenance, ...]
    in_flight: str | None


def read(document: Document, service: str) -> Meaning | None:
    """Return what the annotations of an SLO say, None when something is wrong with them, which is noted."""
    reader = _Reader(document)
    reader.refuse_unknown()
    kind = reader.choice("kind", Kind, Kind.SHARE)
    operations = reader.words("operations", OPERATIONS)
    phases = reader.words("phases", frozenset(phase.value for phase in Phase))
    measure = reader.choice("measure", Measure, None)
    limit = reader.limit(measure)
    answered_by = reader.choice("answered-by", Source, None) if reader.leaf("answered-by") is not None else None
    reader.same_service(operations, service)
    maintenance = reader.maintenance()
    in_flight = reader.selector("in-flight")
    given = [leaf.text for key in ("source", "reason") if (leaf := reader.leaf(key)) is not None]
    if not given:
        reader.fault("source", "neither a source nor a reason", f"{PREFIX}source or {PREFIX}reason")
    if reader.failed or kind is None or measure is None:
        return None
    samples = SampleFilter(frozenset(operations), frozenset(map(Phase, phases)), measure, limit, answered_by)
    return Meaning(kind, samples, "; ".join(" ".join(text.split()) for text in given), maintenance, in_flight)


def refuse(document: Document) -> None:
    """Note annotations of ours on a kind of document that has no use for them."""
    for key, leaf in _Reader(document).own.items():
        document.faults.add(
            leaf.line,
            document.path("metadata", "annotations"),
            f"the annotation {key!r} on a document of kind {document.kind}",
            f"annotations {PREFIX}* on a document of kind SLO only",
        )


class _Reader:
    """Reads annotations one by one and notes what is wrong with them."""

    def __init__(self, document: Document) -> None:
        self._document = document
        table = child(document.tree, "metadata", "annotations")
        entries = table.entries if isinstance(table, Table) else {}
        self._line = table.line if table is not None else document.tree.line
        self.own = {key: leaf for key, leaf in entries.items() if key.startswith(PREFIX) and isinstance(leaf, Leaf)}
        self.failed = False

    def leaf(self, name: str) -> Leaf | None:
        return self.own.get(PREFIX + name)

    def fault(self, name: str, found: str, allowed: str, suggestion: str | None = None) -> None:
        leaf = self.leaf(name)
        path = self._document.path("metadata", "annotations") + (f".{PREFIX}{name}" if leaf is not None else "")
        self._document.faults.add(leaf.line if leaf is not None else self._line, path, found, allowed, suggestion)
        self.failed = True

    def refuse_unknown(self) -> None:
        known = sorted(PREFIX + name for name in ANNOTATIONS)
        for key in self.own:
            if key not in known:
                self.fault(key.removeprefix(PREFIX), repr(key), ", ".join(known), nearest(key, known))

    def words(self, name: str, known: frozenset[str]) -> list[str]:
        leaf = self.leaf(name)
        if leaf is None:
            self.fault(name, f"no annotation {PREFIX + name!r}", f"{PREFIX + name!r} is required: {ANNOTATIONS[name]}")
            return []
        words = [word.strip() for word in leaf.text.split(",")]
        for word in words:
            if word not in known:
                self.fault(name, repr(word), ", ".join(sorted(known)), nearest(word, sorted(known)))
            elif words.count(word) > 1:
                self.fault(name, f"{word!r} more than once", "each word once")
        return words

    def choice(self, name: str, kind: type[_Word], default: _Word | None) -> _Word | None:
        leaf = self.leaf(name)
        choices = [word.value for word in kind]
        if leaf is not None and leaf.text in choices:
            return kind(leaf.text)
        if leaf is not None:
            self.fault(name, repr(leaf.text), ", ".join(choices), nearest(leaf.text, choices))
        elif default is None:
            self.fault(name, f"no annotation {PREFIX + name!r}", f"{PREFIX + name!r} is required: {ANNOTATIONS[name]}")
        return default

    def limit(self, measure: Measure | None) -> Fraction | None:
        leaf = self.leaf("limit")
        if leaf is None:
            if measure not in {None, Measure.NONE}:
                self.fault("limit", f"measure {measure} without a limit", ANNOTATIONS["limit"])
            return None
        if measure is Measure.NONE:
            self.fault(
                "limit", f"a limit of {leaf.text} with measure none", "no limit, or a measure to hold it against"
            )
        value = limit_s(leaf.text)
        if value is None:
            self.fault("limit", repr(leaf.text), "seconds or milliseconds above zero, such as 2s or 500ms")
        return value

    def maintenance(self) -> tuple[Maintenance, ...]:
        leaf = self.leaf("maintenance")
        try:
            return () if leaf is None else parse(leaf.text)
        except ValueError as error:
            self.fault("maintenance", str(error), ALLOWED)
            return ()

    def selector(self, name: str) -> str | None:
        leaf = self.leaf(name)
        if leaf is not None and not SELECTOR.fullmatch(leaf.text):
            self.fault(name, repr(leaf.text), 'a selector of one gauge, such as in_flight{job="api"}')
        return None if leaf is None else leaf.text

    def same_service(self, operations: list[str], service: str) -> None:
        for operation in operations:
            owner = SERVICE_OF.get(operation)
            if owner is not None and owner != service:
                self.fault("operations", f"{operation!r}, which {owner} answers", f"operations of {service}")
