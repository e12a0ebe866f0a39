"""What a YAML text says, as a tree that knows its lines, and with nothing guessed away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

import yaml

from slo.errors import CatalogueError

__all__ = ["Faults", "Leaf", "LeafType", "Sequence", "Table", "Tree", "nearest", "read_documents", "type_name"]

_TAG = "tag:yaml.org,2002:"


class LeafType(StrEnum):
    """What an unquoted word means in YAML 1.1; a quoted one is always text."""

    TEXT = "str"
    INTEGER = "int"
    FLOAT = "float"
    BOOLEAN = "bool"
    NULL = "null"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value, as written."""

    text: str
    type: LeafType
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: "tuple[Tree, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; `key_lines` holds the line of each key."""

    entries: "dict[str, Tree]"
    key_lines: dict[str, int]
    line: int


Tree = Leaf | Sequence | Table


@dataclass(slots=True)
class Faults:
    """Collects what is wrong with one file, so that all of it is reported at once."""

    path: str
    errors: list[CatalogueError] = field(default_factory=list)

    def add(self, line: int, key_path: str, found: str, allowed: str, suggestion: str | None = None) -> None:
        """Note one fault; the arguments are those of `CatalogueError`."""
        self.errors.append(
            CatalogueError(
                path=self.path, line=line, key_path=key_path, found=found, allowed=allowed, suggestion=suggestion
            )
        )

    def add_word(self, line: int, key_path: str, word: str, known: "frozenset[str] | tuple[str, ...]") -> None:
        """Note a word that is none of the known ones, with the nearest of them."""
        choices = sorted(known)
        self.add(line, key_path, repr(word), ", ".join(choices) or "nothing", nearest(word, choices))


def nearest(word: str, known: list[str]) -> str | None:
    """Return the known word that was probably meant, None when none is near."""
    return next(iter(get_close_matches(word, known, n=1)), None)


def read_documents(text: str, faults: Faults) -> list[Tree]:
    """Return the documents of a YAML text; those before a syntax error are kept, the error is noted."""
    documents: list[Tree] = []
    try:
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            tree = _Conversion(faults).convert(node, "")
            if tree is not None:
                documents.append(tree)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(mark.line + 1 if mark else 1, "", f"a syntax error, {error.problem or error.context}", "YAML")
    except yaml.reader.ReaderError as error:
        faults.add(text.count("\n", 0, error.position) + 1, "", f"the character U+{int(error.character):04X}", "YAML")
    except RecursionError:
        faults.add(1, "", "values nested hundreds of levels deep", "YAML of an ordinary depth")
    return documents


def type_name(tree: Tree) -> str:
    """Name what stands there, for a person."""
    match tree:
        case Table():
            return "a mapping"
        case Sequence():
            return "a list"
        case Leaf(type=LeafType.NULL):
            return "nothing"
        case Leaf(text=text, type=LeafType.TEXT):
            return f"the text {text!r}"
        case Leaf(text=text):
            return text


class _Conversion:
    """Turns composed nodes into a tree; holds the nodes seen, to tell an alias from a value."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._seen: set[int] = set()

    def convert(self, node: yaml.Node, path: str) -> Tree | None:
        line = node.start_mark.line + 1
        if id(node) in self._seen:
            self._faults.add(line, path, "an alias (*name)", "the value itself, written out")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            return self._leaf(node, path, line)
        if node.tag not in {_TAG + "map", _TAG + "seq"}:
            self._faults.add(line, path, f"the tag {node.tag}", "a value without a tag")
            return None
        if isinstance(node, yaml.SequenceNode):
            items = (self.convert(item, f"{path}[{index}]") for index, item in enumerate(node.value))
            return Sequence(tuple(item for item in items if item is not None), line)
        return Table(*self._entries(node, path), line)

    def _leaf(self, node: yaml.ScalarNode, path: str, line: int) -> Leaf | None:
        try:
            leaf_type = LeafType(node.tag.removeprefix(_TAG))
        except ValueError:
            self._faults.add(line, path, f"the tag {node.tag}", "a value without a tag")
            return None
        return Leaf(node.value, leaf_type, line)

    def _entries(self, node: yaml.Node, path: str) -> tuple[dict[str, Tree], dict[str, int]]:
        entries: dict[str, Tree] = {}
        lines: dict[str, int] = {}
        for key, line, value in self._keys(node, path):
            if key in lines:
                self._faults.add(line, _join(path, key), "the key a second time", f"once, as in line {lines[key]}")
                continue
            lines[key] = line
            tree = self.convert(value, _join(path, key))
            if tree is not None:
                entries[key] = tree
        return entries, lines

    def _keys(self, node: yaml.Node, path: str) -> Iterator[tuple[str, int, yaml.Node]]:
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                yield key.value, line, value
            else:
                self._faults.add(line, path, "a list or a mapping as a key", "a word as a key")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
