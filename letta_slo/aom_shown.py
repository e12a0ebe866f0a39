"""How are the steps towards an account shown to a person, and to a program?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from alerts.aom.applying import Outcome
from alerts.aom.deployment import Deployment
from alerts.aom.planning import Action, Step
from alerts.aom.resource import Change, Kind

_MARKS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.KEEP: ("=", "cyan"),
    Action.CONFLICT: ("!", "bright_red"),
}
_AROUND = 30  # characters of a long text that are shown before and after the first that differs


def plan(steps: Sequence[Step], deployment: Deployment, *, as_json: bool = False) -> None:
    """Print the steps: a line each with the fields that change, or all as JSON. No secret stands in either."""
    if as_json:
        found = {
            "deployment": deployment.origin,
            "prefix": deployment.prefix,
            "steps": [_as_json(one) for one in steps],
        }
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for one in steps:
        if one.action is Action.NOTHING:
            if one.reason:
                click.secho(f"? {one.kind} {one.name}{_to(one)}: {one.reason}", fg="yellow")
            continue
        mark, colour = _MARKS[one.action]
        click.secho(f"{mark} {one.action} {one.kind} {one.name}{_to(one)}", fg=colour)
        if one.reason and one.action is not Action.DELETE:
            click.echo(f"    {one.reason}")
        if one.action is Action.UPDATE:
            for change in one.changes:
                click.echo(f"    {change.field}: {_difference(change)}")
    click.echo(_summary(steps))


def outcome(found: Outcome) -> None:
    """Print what an apply did, what came back otherwise than it was written, and what it left undone."""
    click.echo(f"{len(found.done)} done")
    for step, fields in found.differs:
        click.echo(f"{step.kind} {step.name}: was written, and came back with another value of: {fields}", err=True)
    if found.failed is not None:
        click.echo(f"not done: {found.failed.action} {found.failed.kind} {found.failed.name}", err=True)
        for one in found.left:
            click.echo(f"not begun: {one.action} {one.kind} {one.name}", err=True)
        click.echo("what is done stays; the same command again does the rest", err=True)


def _summary(steps: Sequence[Step]) -> str:
    count = Counter(one.action for one in steps)
    text = ", ".join(
        f"{count[action]} to {action}" for action in (Action.CREATE, Action.UPDATE, Action.DELETE) if count[action]
    )
    rest = [f"{count[Action.NOTHING]} as they should be"] if count[Action.NOTHING] else []
    rest += [f"{count[Action.KEEP]} kept"] if count[Action.KEEP] else []
    rest += [f"{count[Action.CONFLICT]} in the way"] if count[Action.CONFLICT] else []
    return "; ".join((text or "nothing to do", *rest))


def _to(one: Step) -> str:
    if one.kind is not Kind.SUBSCRIPTION or one.wanted is None:
        return ""
    return f" ({one.wanted.sent['shown']})"


def _as_json(one: Step) -> dict[str, Any]:
    changes = [{"field": each.field, "is_now": each.is_now, "should_be": each.should_be} for each in one.changes]
    return {"action": one.action, "kind": one.kind, "name": one.name, "reason": one.reason, "changes": changes}


def _difference(change: Change) -> str:
    now, then = _text(change.is_now), _text(change.should_be)
    if max(len(now), len(then)) <= 4 * _AROUND:
        return f"{now} → {then}"
    first = next((at for at, (a, b) in enumerate(zip(now, then, strict=False)) if a != b), min(len(now), len(then)))
    return f"at character {first}: {_around(now, first)} → {_around(then, first)}"


def _around(text: str, at: int) -> str:
    begin, end = max(at - _AROUND, 0), at + _AROUND
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if end < len(text) else ''}"


def _text(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
