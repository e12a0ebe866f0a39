"""Which documents a catalogue has, by kind and name, and whether what refers to one finds it."""

from collections.abc import Iterator
from dataclasses import dataclass

from slo.objective import Location
from slo.openslo.kinds import KINDS
from slo.openslo.yaml_tree import Faults, Leaf, Sequence, Table, Tree, nearest, read_documents, type_name

__all__ = ["Document", "Registry", "child", "items_at", "read_file", "text_at"]


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a catalogue; `sound` says that its form is right, so that its parts may be relied upon."""

    kind: str
    name: str
    tree: Table
    prefix: str
    faults: Faults
    sound: bool

    @property
    def origin(self) -> Location:
        """Where it begins."""
        return Location(self.faults.path, self.tree.line)

    @property
    def title(self) -> str:
        """Its name for people."""
        return text_at(self.tree, "metadata", "displayName") or self.name

    @property
    def description(self) -> str:
        """Its description, with lines joined; empty when it has none."""
        return " ".join((text_at(self.tree, "spec", "description") or "").split())

    def path(self, *keys: str) -> str:
        """Return the key path of something below this document."""
        return ".".join([*([self.prefix] if self.prefix else []), *keys])


def child(tree: Tree | None, *keys: str) -> Tree | None:
    """Return what stands below these keys, None when one of them is absent."""
    for key in keys:
        tree = tree.entries.get(key) if isinstance(tree, Table) else None
    return tree


def text_at(tree: Tree | None, *keys: str) -> str | None:
    """Return the value below these keys as written, None when there is none."""
    found = child(tree, *keys)
    return found.text if isinstance(found, Leaf) else None


def items_at(tree: Tree | None, *keys: str) -> tuple[Tree, ...]:
    """Return the items of the list below these keys, none when there is no list."""
    found = child(tree, *keys)
    return found.items if isinstance(found, Sequence) else ()


def read_file(text: str, faults: Faults) -> list[Document]:
    """Return the documents of one file, objects written in the place of a reference among them; note what is wrong."""
    documents: list[Document] = []
    trees = read_documents(text, faults)
    whole = not faults.errors
    for tree in trees:
        if isinstance(tree, Leaf) and not tree.text:
            continue  # a file may begin or end with the mark between documents
        if not isinstance(tree, Table):
            faults.add(tree.line, "", type_name(tree), "a mapping with apiVersion, kind, metadata and spec")
            continue
        documents.extend(_document(tree, faults, whole=whole))
    return documents


class Registry:
    """All documents of a catalogue."""

    def __init__(self, documents: list[Document]) -> None:
        self._by_kind: dict[str, dict[str, Document]] = {kind: {} for kind in KINDS}
        for document in documents:
            known = self._by_kind[document.kind]
            if document.name in known:
                document.faults.add(
                    document.tree.line,
                    document.path("metadata", "name"),
                    f"a second {document.kind} {document.name!r}",
                    f"each name once, the first is at {known[document.name].origin}",
                )
            known.setdefault(document.name, document)

    def of_kind(self, kind: str) -> list[Document]:
        """Return the sound documents of a kind, in the order of files and lines."""
        return [document for document in self._by_kind[kind].values() if document.sound]

    def refer(self, kind: str, name: str, referrer: Document, at: Tree, key_path: str) -> Document | None:
        """Return the document referred to; a name that no document has is noted on the referrer."""
        found = self._by_kind[kind].get(name)
        if found is None:
            known = sorted(self._by_kind[kind])
            allowed = ", ".join(known) or f"the name of an existing {kind}, and there is none"
            referrer.faults.add(at.line, key_path, repr(name), allowed, nearest(name, known))
        return found


def _document(tree: Table, faults: Faults, *, whole: bool) -> Iterator[Document]:
    """Yield the document; `whole` says that no part of its file was dropped when it was read."""
    kind = tree.entries.get("kind")
    if kind is None and "kind" not in tree.key_lines:
        faults.add(tree.line, "", "no key 'kind'", ", ".join(KINDS))
    elif not isinstance(kind, Leaf):
        if kind is not None:
            faults.add(kind.line, "kind", type_name(kind), ", ".join(KINDS))
    elif kind.text not in KINDS:
        faults.add_word(kind.line, "kind", kind.text, tuple(KINDS))
    else:
        before = len(faults.errors)
        KINDS[kind.text].check(tree, "", faults)
        yield from _with_inlined(kind.text, tree, "", faults, sound=whole and len(faults.errors) == before)


def _with_inlined(kind: str, tree: Table, prefix: str, faults: Faults, *, sound: bool) -> Iterator[Document]:
    """Yield an object and whatever it contains in the place of a reference; their form was checked with its own."""
    name = text_at(tree, "metadata", "name")
    if name is not None:
        yield Document(kind, name, tree, prefix, faults, sound)
    for inner_kind, path, inner in _inlined(kind, tree):
        full = f"{prefix}.{path}" if prefix else path
        yield from _with_inlined(inner_kind, inner, full, faults, sound=sound)


def _inlined(kind: str, tree: Table) -> Iterator[tuple[str, str, Table]]:
    places = {
        "SLO": [("AlertPolicy", "alertPolicies")],
        "AlertPolicy": [("AlertCondition", "conditions"), ("AlertNotificationTarget", "notificationTargets")],
    }
    indicator = child(tree, "spec", "indicator") if kind == "SLO" else None
    if isinstance(indicator, Table):
        yield "SLI", "spec.indicator", indicator
    for inner_kind, key in places.get(kind, []):
        for index, item in enumerate(items_at(tree, "spec", key)):
            if isinstance(item, Table) and "metadata" in item.entries:
                yield inner_kind, f"spec.{key}[{index}]", item
