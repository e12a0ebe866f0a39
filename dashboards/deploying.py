"""What would change in a Grafana, and how is it changed so that nothing is touched that is not ours?

Ours is what has one of our uids and our tag. A further tag says which content was applied, so that a change by hand
can be told from a change of the catalogue. Every write names the version that was read, so that nobody who comes
between is overwritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from dashboards.api import Grafana, Kept
from dashboards.errors import GrafanaRefusedError
from dashboards.spec import FOLDER, FOLDER_TITLE, TAG

Json = dict[str, Any]

_CONTENT: Final = f"{TAG}:"  # before the digest, in the tag that says which content was applied
_DIGITS: Final = 12
_GRAFANAS: Final = ("id", "version")  # a Grafana gives these


class Action(StrEnum):
    """What a Grafana needs, to be as the catalogue says."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Step:
    """One dashboard: what is done with it, why, and in which fields it differs (`theirs → ours`)."""

    uid: str
    action: Action
    reason: str
    differences: tuple[str, ...] = ()
    version: int = 0


def plan(grafana: Grafana, boards: dict[str, Json]) -> list[Step]:
    """Return what each dashboard needs, in their order."""
    return [_step(grafana.dashboard(one["uid"]), marked(one)) for one in boards.values()]


def apply(grafana: Grafana, boards: dict[str, Json], steps: list[Step], say: Callable[[str], None]) -> None:
    """Do what was planned, read each back, and `say` what is done.

    Raises GrafanaRefusedError before the first write when a step is refused; later when a Grafana refuses one, or keeps
    something else than was sent. What was said is done, and another apply does the rest.
    """
    refused = [one for one in steps if one.action is Action.REFUSE]
    if refused:
        raise GrafanaRefusedError("\n".join(f"{one.uid}: {one.reason}" for one in refused))
    by_uid = {one["uid"]: marked(one) for one in boards.values()}
    wanted = [one for one in steps if one.action is not Action.NOTHING]
    if wanted and not grafana.has_folder(FOLDER):
        grafana.make_folder(FOLDER, FOLDER_TITLE)
        say(f"folder {FOLDER}: created")
    for step in wanted:
        board = by_uid[step.uid]
        grafana.save(board | {"version": step.version}, FOLDER, f"letta-slo: {_digest(board)}")
        _check(grafana.dashboard(step.uid), board)
        say(f"{step.uid}: {step.action}d, and read back as it was sent")


def destroy(grafana: Grafana, uids: list[str], *, confirmed: bool, say: Callable[[str], None]) -> None:
    """Remove what is ours, or say what would be removed; the folder goes when nothing is left in it."""
    left = 0
    for uid in uids:
        kept = grafana.dashboard(uid)
        if kept is None:
            continue
        if not _is_ours(kept) or kept.is_provisioned:
            say(f"{uid}: stays, {'a file provisions it' if kept.is_provisioned else 'it is not ours'}")
        elif confirmed:
            grafana.remove(uid)
            say(f"{uid}: removed")
        else:
            say(f"{uid}: would be removed")
            left += 1
    if left or not grafana.has_folder(FOLDER):
        return
    if others := grafana.uids_in(FOLDER):
        say(f"folder {FOLDER}: stays, {len(others)} things are in it")
    elif confirmed:
        grafana.remove_folder(FOLDER)
        say(f"folder {FOLDER}: removed")


def marked(board: Json) -> Json:
    """Return a dashboard with the tag that says which content it is."""
    return board | {"tags": [*board["tags"], f"{_CONTENT}{_digest(board)}"]}


def differences(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """Yield where what is kept is not what was sent. What a Grafana adds to an object is its own affair."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from differences(value, theirs.get(key), f"{place}.{key}" if place else key)
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{place}: {len(theirs)} → {len(ours)} of them"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            name = one.get("title") or one.get("name") if isinstance(one, dict) else None
            yield from differences(one, other, f"{place}[{name or number}]")
    elif ours != theirs:
        yield f"{place}: {_short(theirs)} → {_short(ours)}"


def _step(kept: Kept | None, board: Json) -> Step:
    uid = board["uid"]
    if kept is None:
        return Step(uid, Action.CREATE, "it is not there")
    if not _is_ours(kept):
        title = kept.board.get("title")
        return Step(uid, Action.REFUSE, f"a dashboard that is not ours has this uid: {title!r}; it has no tag {TAG!r}")
    if kept.is_provisioned:
        return _of_file(kept, board)
    found = list(_changed(board, kept))
    if not found:
        return Step(uid, Action.NOTHING, "it is as the catalogue says", version=kept.version)
    is_by_hand = f"{_CONTENT}{_digest_of(board)}" in kept.board.get("tags", [])
    reason = "it was changed by hand since it was applied" if is_by_hand else "the catalogue says something else now"
    return Step(uid, Action.UPDATE, reason, tuple(found), kept.version)


def _of_file(kept: Kept, board: Json) -> Step:
    """A file bears no tag of a content; it says what it wants, and its folder is the file's affair."""
    file = replace(kept, board=_unmarked(kept.board), folder=FOLDER)
    found = tuple(_changed(_unmarked(board), file))
    if not found:
        return Step(board["uid"], Action.NOTHING, "a file provisions it, as the catalogue says", version=kept.version)
    return Step(
        board["uid"],
        Action.REFUSE,
        "a file provisions it, and says something else: change the file, or take it from the provisioning first",
        found,
    )


def _unmarked(board: Json) -> Json:
    return board | {"tags": [tag for tag in board["tags"] if not tag.startswith(_CONTENT)]}


def _changed(board: Json, kept: Kept) -> Iterator[str]:
    if kept.folder != FOLDER:
        yield f"folder: {kept.folder or 'none'} → {FOLDER}"
    yield from differences({key: value for key, value in board.items() if key not in _GRAFANAS}, kept.board)


def _check(kept: Kept | None, board: Json) -> None:
    wrong = ["it is not there"] if kept is None else list(_changed(board, kept))
    if wrong:
        raise GrafanaRefusedError(f"{board['uid']}: was written, and reads differently: {'; '.join(wrong[:5])}")


def _is_ours(kept: Kept) -> bool:
    return TAG in (kept.board.get("tags") or [])


def _digest(board: Json) -> str:
    content = {key: value for key, value in board.items() if key not in _GRAFANAS}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _digest_of(board: Json) -> str:
    """Return the digest that a marked dashboard bears."""
    tags: list[str] = board["tags"]
    return next(tag.removeprefix(_CONTENT) for tag in tags if tag.startswith(_CONTENT))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
