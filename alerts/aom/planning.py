"""Which steps lead from what is in the account to what should be there? Pure: two lists in, steps out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.aom.account import State, foreign_users, is_ours
from alerts.aom.resource import HOLDS_LOGS, ORDER, Change, Found, Kind, Mark, Resource, changes, readable, sha_of


class Action(StrEnum):
    """What becomes of one thing."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NOTHING = "nothing"
    KEEP = "keep"  # ours, no longer wanted, and not removed; the reason says why
    CONFLICT = "conflict"  # what should be ours bears the name of something that is not


class Cause(StrEnum):
    """Why something that is there is changed."""

    CATALOGUE = "the catalogue or the deployment file says something else"
    ACCOUNT = "somebody changed it in the account"
    BOTH = "somebody changed it in the account, and the catalogue or the deployment file says something else"


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one thing, and why."""

    action: Action
    kind: Kind
    name: str
    wanted: Resource | None = None
    found: Found | None = None
    changes: tuple[Change, ...] = ()
    reason: str = ""

    @property
    def does_something(self) -> bool:
        """Whether the account would change."""
        return self.action in {Action.CREATE, Action.UPDATE, Action.DELETE}


def plan(wanted: Sequence[Resource], state: State, prefix: str) -> list[Step]:
    """Return the steps in the order in which they are taken: what is made first, what is removed last."""
    steps = [_step(one, state.get(one.kind, one.name), prefix) for one in wanted]
    names = {(one.kind, one.name) for one in wanted}
    obsolete = [one for one in state if is_ours(one, prefix) and (one.kind, one.name) not in names]
    return [*steps, *_removals(obsolete, state, prefix, with_logs=False)]


def removal(state: State, prefix: str, *, with_logs: bool) -> list[Step]:
    """Return the steps that remove everything of ours, the groups and streams of logs only when that is asked for."""
    return _removals([one for one in state if is_ours(one, prefix)], state, prefix, with_logs=with_logs)


def conflicts(steps: Sequence[Step]) -> list[Step]:
    """Return what keeps a plan from being applied."""
    return [one for one in steps if one.action is Action.CONFLICT]


def is_as_it_should_be(steps: Sequence[Step]) -> bool:
    """Whether nothing is to be done, nothing in the way, and nothing amiss that somebody else has to mend."""
    return not any(
        one.does_something or one.action is Action.CONFLICT or (one.action is Action.NOTHING and one.reason)
        for one in steps
    )


def _step(wanted: Resource, found: Found | None, prefix: str) -> Step:
    if found is None:
        made = changes({}, wanted.form)
        return Step(Action.CREATE, wanted.kind, wanted.name, wanted, None, tuple(made))
    if not is_ours(found, prefix) or found.mark is None:
        whose = f"it is that of the prefix {found.mark.prefix}" if found.mark else "it bears no mark of letta-slo"
        return Step(
            Action.CONFLICT,
            wanted.kind,
            wanted.name,
            wanted,
            found,
            reason=f"{whose}, so it is not touched: rename or remove it, or choose another prefix",
        )
    differs = _differences(wanted, found, found.mark)
    if not differs:
        return Step(Action.NOTHING, wanted.kind, wanted.name, wanted, found, reason=found.note)
    return Step(
        Action.UPDATE, wanted.kind, wanted.name, wanted, found, tuple(differs), _cause(wanted, found, found.mark).value
    )


def _differences(wanted: Resource, found: Found, mark: Mark) -> list[Change]:
    """Return the fields that differ. A field that the service does not give back is as it was last written."""
    differs = changes(found.form, readable(wanted.form, found.form))
    if mark.sha != wanted.sha and not differs:
        differs.append(Change("what cannot be read back", mark.sha, wanted.sha))
    return differs


def _cause(wanted: Resource, found: Found, mark: Mark) -> Cause:
    if mark.sha == wanted.sha:
        return Cause.ACCOUNT
    now = {field: found.form[field] for field in wanted.form if field in found.form}
    is_all = len(now) == len(wanted.form)
    return Cause.BOTH if is_all and sha_of(now) != mark.sha else Cause.CATALOGUE


def _removals(found: Sequence[Found], state: State, prefix: str, *, with_logs: bool) -> list[Step]:
    ordered = sorted(found, key=lambda one: (-ORDER[one.kind], one.name))
    return [_removal(one, state, prefix, with_logs=with_logs) for one in ordered]


def _removal(one: Found, state: State, prefix: str, *, with_logs: bool) -> Step:
    if one.kind in HOLDS_LOGS and not with_logs:
        reason = "it holds logs, which would be lost: `letta-slo destroy aom --with-logs` removes it"
        return Step(Action.KEEP, one.kind, one.name, found=one, reason=reason)
    users = foreign_users(one, state, prefix)
    if users:
        reason = (
            f"{', '.join(users)} {'needs' if len(users) == 1 else 'need'} it, and not ours: remove that by hand first"
        )
        return Step(Action.KEEP, one.kind, one.name, found=one, reason=reason)
    return Step(Action.DELETE, one.kind, one.name, found=one, reason="ours, and no longer wanted")
