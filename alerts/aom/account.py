"""What is there of an account, and who in it needs what?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from alerts.aom.resource import Found, Kind, Mark, Resource


@dataclass(slots=True)
class State:
    """Everything of our kinds that was found, by kind and name; foreign things too, since those may need ours."""

    _found: dict[tuple[Kind, str], Found] = field(default_factory=dict)

    def put(self, kind: Kind, found: Iterable[Found]) -> None:
        """Replace what is known of a kind."""
        self._found = {key: one for key, one in self._found.items() if key[0] is not kind}
        self._found |= {(kind, one.name): one for one in found}

    def put_one(self, kind: Kind, name: str, found: Iterable[Found]) -> None:
        """Replace what is known of one thing by that of its exact name, if there is one."""
        self._found.pop((kind, name), None)
        self._found |= {(kind, one.name): one for one in found if one.name == name}

    def get(self, kind: Kind, name: str) -> Found | None:
        """Return what is there under a name, None when nothing is."""
        return self._found.get((kind, name))

    def of(self, kind: Kind) -> list[Found]:
        """Return everything of a kind."""
        return [one for (which, _), one in self._found.items() if which is kind]

    def keys(self, kind: Kind) -> dict[str, str]:
        """Return what the service calls each thing of a kind, by its name."""
        return {one.name: one.key for one in self.of(kind)}

    def __iter__(self) -> Iterator[Found]:
        return iter(self._found.values())


class Keeper(Protocol):
    """Reads and writes one kind of thing in the account; each method raises CallError."""

    kind: Kind

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all that is there; `state` has what stands before this kind in its order.

        Where a service can be asked by name, `only` makes it do so; it may find more, as its search is fuzzy.
        """

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Make something that is not there."""

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Make something that is there as it should be."""

    def delete(self, found: Found, state: State) -> None:
        """Remove something."""


def foreign_users(found: Found, state: State, prefix: str) -> list[str]:
    """Return what is not ours and would be lost, or broken, with this thing of ours."""
    return sorted(f"{one.kind} {one.name}" for one in state if not is_ours(one, prefix) and _needs(one, found))


def is_ours(found: Found, prefix: str) -> bool:
    """Whether a thing bears our mark under this prefix; the name alone says nothing."""
    return found.mark is not None and found.mark.prefix == prefix and found.name.startswith(f"{prefix}_")


# What needs what, and in which field the name of it stands.
_NEEDS: Final = (
    (Kind.SUBSCRIPTION, Kind.TOPIC, "topic"),
    (Kind.ACTION_RULE, Kind.TOPIC, "topics"),
    (Kind.ACTION_RULE, Kind.TEMPLATE, "template"),
    (Kind.ALARM_RULE, Kind.ACTION_RULE, "action_rule"),
    (Kind.LOG_ALARM, Kind.ACTION_RULE, "action_rule"),
    (Kind.LOG_STREAM, Kind.LOG_GROUP, "group"),
    (Kind.LOG_ALARM, Kind.LOG_STREAM, "stream"),
)


def _needs(one: Found, other: Found) -> bool:
    for needing, needed, field_name in _NEEDS:
        if (one.kind, other.kind) == (needing, needed):
            names = one.form.get(field_name, "")
            return other.name in (names if isinstance(names, list) else [names])
    return False
