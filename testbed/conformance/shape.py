"""Which shape does a JSON value have? Kinds for each path, with the words of the interface that stand there.

Elements of a list are taken together, those with a `message_type` by that: `messages[assistant_message].content`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from testbed.conformance.words import Marker, kind_of

# What people, models and authors of texts wrote: never a word of the interface, though it may look like one.
FREE_TEXTS = frozenset(
    {"arguments", "content", "description", "new_str", "source_code", "system", "text", "tool_return", "value"}
)
# Whole numbers are constants (limits, counts of steps) but for times and for what depends on model and prompt.
_MEASURED = ("_ns", "_tokens", "_window")
ABSENT = "absent"


@dataclass(slots=True)
class Place:
    """What was found at one path: kinds of values, constant words, and how often."""

    kinds: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    count: int = 0
    objects: int = 0


Shape = dict[str, Place]


def shape_of(value: Any, root: str, marker: Marker, *, every_text: bool = False) -> Shape:
    """Return path → what was found there, `root` being the path of the value itself.

    With `every_text` all texts count as constant, as those of errors are.
    """
    shape: Shape = {}
    _Walk(shape, marker, every_text).go(value, root, "")
    for path, place in shape.items():
        parent = path.rpartition(".")[0]
        if parent in shape and place.count < shape[parent].objects:
            place.kinds.add(ABSENT)
    return shape


def sequence_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """Return the kinds in their order; several of one kind in a row are one, said to be several."""
    runs = ((kind, sum(1 for _ in run)) for kind, run in groupby(kinds))
    return tuple(kind if length == 1 else f"{kind} …" for kind, length in runs)


def label_of(element: Any) -> str:
    """Return the message type of an element of a list, "" when it has none."""
    return str(element.get("message_type", "")) if isinstance(element, dict) else ""


@dataclass(slots=True)
class _Walk:
    shape: Shape
    marker: Marker
    every_text: bool

    def go(self, value: Any, path: str, key: str) -> None:
        place = self.shape.setdefault(path, Place())
        place.count += 1
        place.kinds.add(_kind(value))
        place.words.update(self._words(value, key))
        if isinstance(value, dict):
            place.objects += 1
            for name, inner in value.items():
                self.go(inner, f"{path}.{name}", name)
        elif isinstance(value, list):
            for element in value:
                self.go(element, f"{path}[{label_of(element)}]", key)

    def _words(self, value: Any, key: str) -> Iterator[str]:
        if isinstance(value, bool):
            yield str(value).lower()
        elif isinstance(value, int) and not key.endswith(_MEASURED):
            yield str(value)
        elif isinstance(value, str) and self.every_text:
            yield self.marker.marked(value)
        elif isinstance(value, str) and key not in FREE_TEXTS:
            word = self.marker.constant(value)
            if word is not None:
                yield word
        elif isinstance(value, list) and any(label_of(element) for element in value):
            yield " → ".join(sequence_of(label_of(element) for element in value))


_KINDS = {bool: "boolean", int: "integer", float: "number", dict: "object", type(None): "null"}


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return kind_of(value)
    if isinstance(value, list):
        return "list" if value else "empty list"
    return _KINDS[type(value)]
