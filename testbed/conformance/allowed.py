"""Which differences between the stub and a real Letta are meant? A list with reasons, in which nothing is idle."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slo.openslo.yaml_tree import Faults, Leaf, LeafType, Table, Tree, read_documents, type_name
from slo.openslo.yaml_tree import Sequence as YamlList
from testbed.conformance.differences import Difference, What

SHIPPED = Path(__file__).with_name("allowed.yaml")
SHIPPED_NAME = "testbed/conformance/allowed.yaml"  # a report must not tell where this machine keeps it

_REQUIRED = ("endpoints", "what", "field", "reason")
_OPTIONAL = ("exchanges", "sometimes")
_KINDS = tuple(kind.value for kind in What)
_LISTS = ("endpoints", "exchanges")
_KNOWN = frozenset({*_REQUIRED, *_OPTIONAL})


@dataclass(frozen=True, slots=True)
class Allowed:
    """Differences of one kind in one field of some endpoints, and why they are meant; `*` in `field` is any text."""

    endpoints: tuple[str, ...]
    what: What
    field: str
    reason: str
    exchanges: tuple[str, ...]  # only these of the endpoints' exchanges; () for all
    sometimes: str  # why it comes and goes, so that it may also be idle; "" when it may not
    line: int

    def covers(self, difference: Difference) -> bool:
        """Say whether this difference is one of those."""
        return (
            difference.endpoint in self.endpoints
            and difference.what is self.what
            and (not self.exchanges or difference.exchange in self.exchanges)
            and re.fullmatch(".*".join(map(re.escape, self.field.split("*"))), difference.field) is not None
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference, and the entry that allows it, if one does."""

    difference: Difference
    allowed: Allowed | None


def judge(differences: Iterable[Difference], entries: Sequence[Allowed]) -> tuple[Judged, ...]:
    """Return each difference with the first entry that covers it."""
    return tuple(Judged(one, next((entry for entry in entries if entry.covers(one)), None)) for one in differences)


def check_used(judged: Collection[Judged], entries: Iterable[Allowed], *, path: str = SHIPPED_NAME) -> None:
    """Raise CatalogueError for entries, and for endpoints and exchanges in them, that no difference needed.

    An entry that says why its difference comes and goes may be idle.
    """
    faults = Faults(path)
    for index, entry in enumerate(entries):
        if entry.sometimes:
            continue
        mine = [one.difference for one in judged if one.allowed == entry]
        idle = [name for name in entry.endpoints if name not in {one.endpoint for one in mine}]
        idle += [name for name in entry.exchanges if name not in {one.exchange for one in mine}]
        for name in idle:
            found = f"{entry.what} of {entry.field}, which does not differ in {name}"
            faults.add(entry.line, f"[{index}]", found, "only differences that there are")
    _raise(faults)


def load(file: Path = SHIPPED) -> tuple[Allowed, ...]:
    """Return the entries of a file; raises CatalogueError with every fault in it."""
    name = SHIPPED_NAME if file == SHIPPED else str(file)
    return parse(file.read_text(encoding="utf-8"), name)


def parse(text: str, path: str) -> tuple[Allowed, ...]:
    """Return the entries of a YAML text; raises CatalogueError with every fault in it."""
    faults = Faults(path)
    documents = read_documents(text, faults)
    entries: list[Allowed] = []
    for document in documents:
        if not isinstance(document, YamlList):
            faults.add(document.line, "", type_name(document), "a list of allowed differences")
            continue
        for index, item in enumerate(document.items):
            entry = _entry(item, f"[{index}]", faults)
            entries += [entry] if entry is not None else []
    _raise(faults)
    return tuple(entries)


def _entry(item: Tree, place: str, faults: Faults) -> Allowed | None:
    if not isinstance(item, Table):
        faults.add(item.line, place, type_name(item), f"a mapping with {', '.join(_REQUIRED)}")
        return None
    before = len(faults.errors)
    for key in item.entries:
        if key not in _KNOWN:
            faults.add_word(item.key_lines[key], place, key, _KNOWN)
    for key in _REQUIRED:
        if key not in item.entries:
            faults.add(item.line, place, f"no {key}", "one in every entry")
    known = {key: value for key, value in item.entries.items() if key in _KNOWN}
    texts = {key: _texts(value, f"{place}.{key}", faults, is_list=key in _LISTS) for key, value in known.items()}
    for what in texts.get("what", ()):
        if what not in _KINDS:
            faults.add_word(item.key_lines["what"], f"{place}.what", what, _KINDS)
    if len(faults.errors) > before:
        return None
    return Allowed(
        endpoints=texts["endpoints"],
        what=What(texts["what"][0]),
        field=texts["field"][0],
        reason=texts["reason"][0],
        exchanges=texts.get("exchanges", ()),
        sometimes=" ".join(texts.get("sometimes", ())),
        line=item.line,
    )


def _texts(tree: Tree, place: str, faults: Faults, *, is_list: bool) -> tuple[str, ...]:
    """Return the texts of a list, or the one text; notes anything else."""
    items = tree.items if isinstance(tree, YamlList) else (tree,)
    texts = tuple(
        item.text for item in items if isinstance(item, Leaf) and item.type is LeafType.TEXT and item.text.strip()
    )
    if len(texts) != len(items) or not texts or isinstance(tree, YamlList) != is_list:
        faults.add(tree.line, place, type_name(tree), "a list of texts" if is_list else "a text")
    return texts


def _raise(faults: Faults) -> None:
    if faults.errors:
        first, *others = sorted(faults.errors, key=lambda fault: fault.line)
        raise first.with_others(tuple(others))
