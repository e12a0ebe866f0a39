"""In what do two replies to the same request differ: status, headers, fields, types, words, order of events?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from testbed.conformance.exchange import Event, Exchange, Recorded, Recording
from testbed.conformance.shape import Shape, label_of, sequence_of, shape_of
from testbed.conformance.words import Marker

# Other ones with every reply, or the business of whoever stands between client and server.
VOLATILE_HEADERS = frozenset({"connection", "content-length", "date", "keep-alive", "server"})
VOLATILE_EVENTS = frozenset({"ping"})  # one for every so many seconds of silence
_FIRST_ERROR = 400
_NOTHING = "–"


class What(StrEnum):
    """Kinds of difference."""

    STATUS = "status"
    HEADER = "header"
    MISSING = "missing"  # the stub lacks a field
    EXTRA = "extra"  # the stub has a field of its own
    TYPE = "type"
    VALUE = "value"  # another constant word, or another text of an error
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `stub` and `letta` are what stands there, for a person to read."""

    exchange: str
    endpoint: str
    what: What
    field: str
    stub: str
    letta: str


def compare(exchanges: Iterable[Exchange], stub: Recording, letta: Recording) -> tuple[Difference, ...]:
    """Return every difference, in the order of the exchanges that both recordings hold."""
    both = (one for one in exchanges if one.name in stub.replies and one.name in letta.replies)
    stub_marker, letta_marker = Marker(stub.own_words), Marker(letta.own_words)
    return tuple(
        Difference(one.name, one.endpoint, what, where, in_stub, in_letta)
        for one in both
        for what, where, in_stub, in_letta in _differences(
            _Side(stub.replies[one.name], stub_marker), _Side(letta.replies[one.name], letta_marker)
        )
    )


_Found = tuple[What, str, str, str]


@dataclass(frozen=True, slots=True)
class _Side:
    """A reply, and how its texts are marked."""

    reply: Recorded
    marker: Marker

    def headers(self) -> dict[str, str]:
        return {name: self.marker.marked(value) for name, value in self.reply.headers if name not in VOLATILE_HEADERS}

    def events(self) -> tuple[Event, ...]:
        return tuple(event for event in self.reply.events or () if label_of(event.data) not in VOLATILE_EVENTS)

    def shape(self) -> Shape:
        if self.reply.events is None:
            is_error = self.reply.status >= _FIRST_ERROR
            return shape_of(self.reply.body, "body", self.marker, every_text=is_error)
        plain = [event.data for event in self.events() if not event.name and isinstance(event.data, dict)]
        failures = [event.data for event in self.events() if event.name]
        shape = {
            **shape_of(plain, "events", self.marker),
            **shape_of(failures, "events", self.marker, every_text=True),
        }
        del shape["events"]  # their order is compared by itself
        return shape

    def order(self) -> str:
        return " → ".join(sequence_of(_label(event) for event in self.events()))


def _differences(stub: _Side, letta: _Side) -> Iterator[_Found]:
    if stub.reply.status != letta.reply.status:
        # Bodies of different statuses have nothing in common to compare.
        yield What.STATUS, "status", _status(stub), _status(letta)
        return
    yield from _headers(stub.headers(), letta.headers())
    if stub.order() != letta.order():
        yield What.EVENTS, "events", stub.order() or _NOTHING, letta.order() or _NOTHING
    yield from _shapes(stub.shape(), letta.shape())


def _status(side: _Side) -> str:
    """Return the status, and what an error (or a request that could not be sent, status 0) says."""
    reply = side.reply
    is_error = not reply.status or reply.status >= _FIRST_ERROR
    return f"{reply.status} {side.marker.marked(str(reply.body))}" if is_error and reply.body else str(reply.status)


def _headers(stub: dict[str, str], letta: dict[str, str]) -> Iterator[_Found]:
    for name in sorted({*stub, *letta}):
        if stub.get(name) != letta.get(name):
            yield What.HEADER, name, stub.get(name, _NOTHING), letta.get(name, _NOTHING)


def _shapes(stub: Shape, letta: Shape) -> Iterator[_Found]:
    """Yield what differs at each path; nothing below a path where the two are of different kinds."""
    told: list[str] = []
    for path in sorted({*stub, *letta}):
        if any(path.startswith(above) and path[len(above)] in ".[" for above in told):
            continue
        here, there = stub.get(path), letta.get(path)
        if here is None or there is None:
            told.append(path)
            yield (What.EXTRA if there is None else What.MISSING), path, _kinds(here), _kinds(there)
        elif here.kinds != there.kinds:
            told.append(path)
            yield What.TYPE, path, _kinds(here), _kinds(there)
        elif here.words != there.words:
            yield What.VALUE, path, _words(here.words - there.words), _words(there.words - here.words)


def _kinds(place: Any) -> str:
    return _NOTHING if place is None else " or ".join(sorted(place.kinds))


def _words(words: set[str]) -> str:
    return ", ".join(sorted(words)) or _NOTHING


def _label(event: Event) -> str:
    label = label_of(event.data) or str(event.data)
    return f"{label} ({event.name})" if event.name else label
