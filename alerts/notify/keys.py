"""What stands at a key of a mapping, and is it what is allowed there? Every fault is noted with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from alerts.notify.settings import Secret
from slo.openslo.yaml_tree import Faults, Leaf, LeafType, Sequence, Table, Tree, nearest, type_name


@dataclass(frozen=True, slots=True)
class Value:
    """What a text must look like, and how that is said to a person."""

    pattern: str
    allowed: str


_VARIABLE = Value(r"[A-Z][A-Z0-9_]*", "the name of an environment variable in capitals")
_PATH = Value(r"\S(?:.*\S)?", "the path of a file")


class Keys:
    """One mapping; reading a key marks it as known, so that the others can be refused in the end."""

    def __init__(self, tree: Table, path: str, faults: Faults) -> None:
        self._tree = tree
        self._path = path
        self._faults = faults
        self._known: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._tree.entries

    def text(self, key: str, value: Value, default: str = "", *, required: bool = False) -> str:
        """Return the text at a key; a fault gives the default."""
        found = self._at(key, value.allowed, required=required)
        if found is None:
            return default
        if not isinstance(found, Leaf) or not re.fullmatch(value.pattern, found.text):
            self._note(found, key, value.allowed)
            return default
        return found.text

    def texts(self, key: str, value: Value, *, required: bool = False) -> tuple[str, ...]:
        """Return the texts of a list."""
        found = self._at(key, f"a list, each {value.allowed}", required=required)
        if found is None:
            return ()
        if not isinstance(found, Sequence):
            self._note(found, key, f"a list, each {value.allowed}")
            return ()
        made = []
        for index, item in enumerate(found.items):
            if isinstance(item, Leaf) and re.fullmatch(value.pattern, item.text):
                made.append(item.text)
            else:
                self._note(item, f"{key}[{index}]", value.allowed)
        return tuple(made)

    def word(self, key: str, words: list[str], default: str = "") -> str:
        """Return one of some words."""
        found = self._at(key, ", ".join(words), required=not default)
        if isinstance(found, Leaf) and found.text in words:
            return found.text
        if isinstance(found, Leaf):
            self.word_fault(key, found.text, words)
        elif found is not None:
            self._note(found, key, ", ".join(words))
        return default

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        found = self._at(key, "true or false")
        if isinstance(found, Leaf) and found.type is LeafType.BOOLEAN:
            return found.text.lower() in {"true", "yes", "on"}
        if found is not None:
            self._note(found, key, "true or false")
        return default

    def number(self, key: str, default: int) -> int:
        """Return a whole number above zero."""
        text = self.text(key, Value(r"[1-9]\d{0,5}", "a whole number above 0"), str(default))
        return int(text)

    def secret(self, key: str) -> Secret:
        """Return where a secret is kept."""
        allowed = "{file: path} or {env: VARIABLE}; the secret itself never stands here"
        found = self._at(key, allowed, required=True)
        if not isinstance(found, Table) or set(found.entries) not in ({"file"}, {"env"}):
            if found is not None:
                self._faults.add(found.line, self._join(key), "something else", allowed)  # it may be the secret
            return Secret(env="UNKNOWN")
        place = Keys(found, self._join(key), self._faults)
        return Secret(place.text("file", _PATH), "") if place.has("file") else Secret("", place.text("env", _VARIABLE))

    def table(self, key: str, *, required: bool = False) -> Keys:
        """Return the mapping at a key, an empty one when there is none."""
        found = self._at(key, "a mapping", required=required)
        if isinstance(found, Table):
            return Keys(found, self._join(key), self._faults)
        if found is not None:
            self._note(found, key, "a mapping")
        return Keys(Table({}, {}, self._tree.line), self._join(key), self._faults)

    def tables(self, key: str) -> Iterator[Keys]:
        """Yield the mappings of a list."""
        found = self._at(key, "a list of mappings")
        if found is not None and not isinstance(found, Sequence):
            self._note(found, key, "a list of mappings")
        elif isinstance(found, Sequence):
            for index, item in enumerate(found.items):
                if isinstance(item, Table):
                    yield Keys(item, self._join(f"{key}[{index}]"), self._faults)
                else:
                    self._note(item, f"{key}[{index}]", "a mapping")

    def named_tables(self, key: str) -> Iterator[tuple[str, Keys]]:
        """Yield the mappings of a mapping with their names."""
        outer = self.table(key, required=True)
        for name in list(outer._tree.entries):
            yield name, outer.table(name)

    def refuse_others(self, *also: str) -> None:
        """Note every key that nobody asked for."""
        known = sorted(self._known | set(also))
        for key, line in self._tree.key_lines.items():
            if key not in known:
                self._faults.add_word(line, self._path, key, tuple(known))

    def fault(self, key: str, found: str, allowed: str) -> None:
        """Note a fault at a key; at the mapping itself when the key is empty."""
        line = self._tree.key_lines.get(key, self._tree.line)
        self._faults.add(line, self._join(key) if key else self._path, found, allowed)

    def word_fault(self, key: str, word: str, words: list[str]) -> None:
        """Note a word that is none of the known ones, with the nearest of them."""
        line = self._tree.key_lines.get(key, self._tree.line)
        allowed = ", ".join(words) or "nothing"
        self._faults.add(line, self._join(key), repr(word), allowed, nearest(word, words))

    def _at(self, key: str, allowed: str, *, required: bool = False) -> Tree | None:
        self._known.add(key)
        found = self._tree.entries.get(key)
        if found is None and required:
            self._faults.add(self._tree.line, self._join(key), "nothing", f"{key} is required: {allowed}")
        return found

    def _note(self, found: Tree, key: str, allowed: str) -> None:
        self._faults.add(found.line, self._join(key), type_name(found), allowed)

    def _join(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key
