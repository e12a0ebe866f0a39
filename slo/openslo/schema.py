"""Whether a tree has the form that a schema asks for; every deviation is noted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from slo.openslo.yaml_tree import Faults, Leaf, LeafType, Sequence, Table, Tree, type_name

__all__ = [
    "Anything",
    "Choice",
    "Either",
    "Field",
    "Flag",
    "ListOf",
    "Number",
    "Plain",
    "Record",
    "Schema",
    "Text",
    "WordMap",
]

_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,15})?")


@dataclass(frozen=True, slots=True)
class Text:
    """Text, at most `longest` characters, wholly matching `pattern`; `allowed` says the pattern in words."""

    allowed: str = "text"
    longest: int = 10_000
    pattern: str = r"(?s).+"

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        if not isinstance(tree, Leaf) or tree.type not in {LeafType.TEXT, LeafType.TIMESTAMP}:
            quote = " in quotes" if isinstance(tree, Leaf) and tree.type is not LeafType.NULL else ""
            faults.add(tree.line, path, type_name(tree), self.allowed + quote)
        elif len(tree.text) > self.longest:
            faults.add(tree.line, path, f"{len(tree.text)} characters", f"at most {self.longest} characters")
        elif not re.fullmatch(self.pattern, tree.text):
            faults.add(tree.line, path, repr(tree.text), self.allowed)


@dataclass(frozen=True, slots=True)
class Plain:
    """One value, text or number as YAML takes it, that wholly matches `pattern` as written."""

    allowed: str
    pattern: str

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        if not isinstance(tree, Leaf) or not re.fullmatch(self.pattern, tree.text):
            faults.add(tree.line, path, repr(tree.text) if isinstance(tree, Leaf) else type_name(tree), self.allowed)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed set of words."""

    words: tuple[str, ...]

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        if not isinstance(tree, Leaf):
            faults.add(tree.line, path, type_name(tree), ", ".join(self.words))
        elif tree.text not in self.words:
            faults.add_word(tree.line, path, tree.text, self.words)


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`; the other spellings of YAML 1.1 (yes, on) are not taken."""

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        if not isinstance(tree, Leaf) or tree.type is not LeafType.BOOLEAN or tree.text not in {"true", "false"}:
            faults.add(tree.line, path, type_name(tree), "true or false")


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number, read exactly; above `above` and below `below`, both excluded, where given."""

    allowed: str = "a number such as 0.95"
    above: Fraction | None = None
    below: Fraction | None = None

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        numeric = isinstance(tree, Leaf) and tree.type in {LeafType.INTEGER, LeafType.FLOAT}
        if not isinstance(tree, Leaf) or not numeric or not _DECIMAL.fullmatch(tree.text):
            faults.add(tree.line, path, type_name(tree), self.allowed)
            return
        value = Fraction(tree.text)
        if (self.above is not None and value <= self.above) or (self.below is not None and value >= self.below):
            faults.add(tree.line, path, tree.text, self.allowed)


@dataclass(frozen=True, slots=True)
class Either:
    """A value that one of two schemas accepts."""

    first: "Schema"
    second: "Schema"
    allowed: str

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        attempts = (Faults(faults.path), Faults(faults.path))
        for schema, attempt in zip((self.first, self.second), attempts, strict=True):
            schema.check(tree, path, attempt)
        if all(attempt.errors for attempt in attempts):
            found = f"the text {tree.text!r}" if isinstance(tree, Leaf) else type_name(tree)
            faults.add(tree.line, path, found, self.allowed)


@dataclass(frozen=True, slots=True)
class Anything:
    """Any YAML value."""

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Accept it."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of `fewest` to `most` values of one schema."""

    item: "Schema"
    fewest: int = 0
    most: int = 1_000

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        if not isinstance(tree, Sequence):
            faults.add(tree.line, path, type_name(tree), "a list")
            return
        if not self.fewest <= len(tree.items) <= self.most:
            wanted = f"exactly {self.most}" if self.fewest == self.most else f"{self.fewest} to {self.most}"
            faults.add(tree.line, path, f"{len(tree.items)} items", f"{wanted} of them")
        for index, item in enumerate(tree.items):
            self.item.check(item, f"{path}[{index}]", faults)


@dataclass(frozen=True, slots=True)
class WordMap:
    """A mapping with free keys that match a pattern."""

    value: "Schema"
    key_pattern: str
    key_allowed: str

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        if not isinstance(tree, Table):
            faults.add(tree.line, path, type_name(tree), "a mapping")
            return
        for key, value in tree.entries.items():
            if not re.fullmatch(self.key_pattern, key):
                faults.add(tree.key_lines[key], path, f"the key {key!r}", self.key_allowed)
            self.value.check(value, f"{path}.{key}", faults)


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a record."""

    schema: "Schema"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with a closed set of keys; of each group in `exactly_one` just one key must be there."""

    fields: Mapping[str, Field]
    exactly_one: tuple[tuple[str, ...], ...] = field(default=())

    def check(self, tree: Tree, path: str, faults: Faults) -> None:
        """Note every deviation from the schema below `path`."""
        if not isinstance(tree, Table):
            faults.add(tree.line, path, type_name(tree), f"a mapping with {', '.join(self.fields)}")
            return
        for key, line in tree.key_lines.items():
            if key not in self.fields:
                faults.add_word(line, path, key, tuple(self.fields))
        for key, wanted in self.fields.items():
            if key in tree.entries:
                wanted.schema.check(tree.entries[key], f"{path}.{key}" if path else key, faults)
            elif wanted.required and key not in tree.key_lines:
                faults.add(tree.line, path, f"no key {key!r}", f"{key!r} is required")
        for group in self.exactly_one:
            given = [key for key in group if key in tree.key_lines]
            if len(given) != 1:
                found = " and ".join(map(repr, given)) if given else "none of them"
                faults.add(tree.line, path, found, f"exactly one of {', '.join(group)}")


Schema = Text | Plain | Choice | Flag | Number | Either | Anything | ListOf | WordMap | Record
