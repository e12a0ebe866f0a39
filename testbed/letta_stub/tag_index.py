"""Which things carry a tag, without looking at all the others? (A fleet of 10,000 agents is listed page by page.)"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Generic, Protocol, TypeVar


class Tagged(Protocol):
    """Something with an id and tags; the tags stay as they are while it is in an index."""

    id: str
    tags: list[str]


T = TypeVar("T", bound=Tagged)


class TagIndex(Generic[T]):
    """Things by tag, each list in the order in which they came."""

    def __init__(self) -> None:
        self._by_tag: dict[str, dict[str, T]] = {}

    def add(self, one: T) -> None:
        """Take a thing in under each of its tags."""
        for tag in one.tags:
            self._by_tag.setdefault(str(tag), {})[one.id] = one

    def remove(self, one: T) -> None:
        """Take a thing out again."""
        for tag in one.tags:
            carriers = self._by_tag[str(tag)]
            carriers.pop(one.id, None)
            if not carriers:
                del self._by_tag[str(tag)]

    def names(self) -> Collection[str]:
        """Return the tags that anything carries."""
        return self._by_tag.keys()

    def all_of(self, tags: Iterable[str]) -> list[T]:
        """Return what carries every one of these tags (at least one tag)."""
        first, *others = [self._by_tag.get(tag, {}) for tag in tags]
        return [one for key, one in first.items() if all(key in other for other in others)]

    def any_of(self, tags: Iterable[str], everything: Iterable[T]) -> list[T]:
        """Return what carries any of these tags, in the order of `everything`."""
        found = [self._by_tag.get(tag, {}) for tag in set(tags)]
        if len(found) == 1:
            return list(found[0].values())
        return [one for one in everything if any(one.id in carriers for carriers in found)]
