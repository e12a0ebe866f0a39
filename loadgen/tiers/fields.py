"""What stands in the file of a tier? Every key once, none unknown, each value of its kind; all faults told at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from slo.openslo.yaml_tree import Faults, Leaf, LeafType, Table, Tree, read_documents, type_name

_NUMBERS = (LeafType.INTEGER, LeafType.FLOAT)


class TierError(Exception):
    """A tier does not exist, or its file says something that a tier cannot be."""


class Fields:
    """The keys of one mapping; each is asked for by its kind, and `finish` tells of those that nobody asked for."""

    def __init__(self, table: Table, faults: Faults, above: str = "") -> None:
        self._table = table
        self._faults = faults
        self._above = above
        self._asked: set[str] = set()
        self._within: list[Fields] = []

    @classmethod
    def read(cls, text: str, path: str) -> Fields:
        """Return the fields of a YAML text; raises TierError when it is no mapping."""
        faults = Faults(path)
        documents = read_documents(text, faults)
        if not faults.errors and len(documents) == 1 and isinstance(documents[0], Table):
            return cls(documents[0], faults)
        if not faults.errors:
            found = type_name(documents[0]) if len(documents) == 1 else f"{len(documents)} documents"
            faults.add(1, "", found, "a mapping")
        raise _error(faults)

    def positive(self, key: str) -> float:
        """Return a finite number above 0; notes anything else and returns 0."""
        return self._number(key, lambda value: value > 0, "a number above 0")

    def not_negative(self, key: str) -> float:
        """Return a finite number of at least 0; notes anything else and returns 0."""
        return self._number(key, lambda value: value >= 0, "a number of at least 0")

    def share(self, key: str) -> float:
        """Return a number from 0 to 1; notes anything else and returns 0."""
        return self._number(key, lambda value: 0 <= value <= 1, "a number from 0 to 1")

    def count(self, key: str, *, least: int = 0) -> int:
        """Return a whole number of at least `least`; notes anything else and returns 0."""
        leaf = self._asked_for(key)
        is_whole = isinstance(leaf, Leaf) and leaf.type is LeafType.INTEGER and leaf.text.isdecimal()
        if is_whole and isinstance(leaf, Leaf) and int(leaf.text) >= least:
            return int(leaf.text)
        self._complain(key, leaf, f"a whole number of at least {least}")
        return 0

    def shares(self, key: str, known: tuple[str, ...]) -> dict[str, float]:
        """Return name → share of a mapping whose shares make 1; notes unknown names and anything else."""
        inner = self.within(key)
        found = {name: inner.share(name) for name in inner.names() if name in known}
        inner.check_names(known)
        total = sum(found.values())
        if inner._table.entries and abs(total - 1) > 1e-9:
            self._faults.add(inner._table.line, key, f"shares that add up to {total:g}", "shares that make 1")
        return found

    def within(self, key: str) -> Fields:
        """Return the fields of the mapping at a key; notes anything else."""
        tree = self._asked_for(key)
        if not isinstance(tree, Table):
            self._complain(key, tree, "a mapping")
            tree = Table({}, {}, self._table.line)
            return Fields(tree, Faults(self._faults.path), key)  # told already: nobody needs to know what it lacks
        inner = Fields(tree, self._faults, f"{self._above}{key}.")
        self._within.append(inner)
        return inner

    def names(self) -> Iterator[str]:
        """Yield the keys that there are."""
        return iter(self._table.entries)

    def check_names(self, known: tuple[str, ...]) -> None:
        """Note the keys that are none of these."""
        for name in self._table.entries:
            if name not in known:
                self._faults.add_word(self._table.key_lines[name], f"{self._above}{name}", name, known)
        self._asked.update(self._table.entries)

    def finish(self) -> None:
        """Raise TierError with every fault, keys that nobody asked for among them."""
        for fields in (self, *self._within):
            known = tuple(sorted(fields._asked))
            fields.check_names(known)
        if self._faults.errors:
            raise _error(self._faults)

    def _number(self, key: str, is_allowed: Callable[[float], bool], allowed: str) -> float:
        leaf = self._asked_for(key)
        value = _float(leaf)
        if math.isfinite(value) and is_allowed(value):
            return value
        self._complain(key, leaf, allowed)
        return 0.0

    def _asked_for(self, key: str) -> Tree | None:
        self._asked.add(key)
        return self._table.entries.get(key)

    def _complain(self, key: str, found: Tree | None, allowed: str) -> None:
        line = self._table.line if found is None else self._table.key_lines[key]
        self._faults.add(line, f"{self._above}{key}", "nothing" if found is None else type_name(found), allowed)


def _float(tree: Tree | None) -> float:
    """Return the number that stands there, nan where none does (YAML also calls 1:30 and .inf numbers)."""
    try:
        return float(tree.text) if isinstance(tree, Leaf) and tree.type in _NUMBERS else math.nan
    except ValueError:
        return math.nan


def _error(faults: Faults) -> TierError:
    first, *others = sorted(faults.errors, key=lambda fault: fault.line)
    return TierError(str(first.with_others(tuple(others))))
