"""`letta-slo plan grafana`, `apply grafana`, `deployed grafana`, `destroy grafana`: dashboards in a Grafana."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Any, Final

import click
from rich.console import Console

from alerts.links import Links
from dashboards.api import connect
from dashboards.asking import Answer, ask, source_uid
from dashboards.content import all_dashboards
from dashboards.deploying import Action, Step
from dashboards.deploying import apply as apply_steps
from dashboards.deploying import destroy as destroy_ours
from dashboards.deploying import plan as plan_steps
from dashboards.rendering import boards
from letta_slo import exit_codes, options
from letta_slo.window import When
from slo.catalog import load

_SHOWN: Final = 8  # differences of one dashboard
_STYLES: Final = {Action.CREATE: "green", Action.UPDATE: "yellow", Action.NOTHING: "dim", Action.REFUSE: "bold red"}

_grafana = click.option(
    "--grafana",
    "url",
    required=True,
    envvar="LETTA_SLO_GRAFANA",
    show_envvar=True,
    metavar="URL",
    help="Your Grafana; the token of a service account comes from GRAFANA_TOKEN in the environment.",
)
_asked = options.together(_grafana, options.catalog_dir, options.runbooks_at)


@click.command("grafana", epilog=options.epilog("  letta-slo plan grafana --grafana https://grafana.example.com"))
@_asked
@options.output()
def plan_grafana(**given: Any) -> int:
    """Say, field by field, what `letta-slo apply grafana` would change; change nothing.

    Exit code 0: this could be applied; 3: a dashboard that is not ours has one of our uids. Whether all is as it was
    applied is what `letta-slo deployed grafana` says by its exit code.
    """
    with connect(given["url"]) as grafana:
        steps = plan_steps(grafana, _boards(given))
    _show(steps, as_json=given["output"] == "json")
    return exit_codes.MISSED if any(one.action is Action.REFUSE for one in steps) else exit_codes.MET


@click.command(
    "grafana", epilog=options.epilog("  letta-slo apply grafana --grafana https://grafana.example.com --confirm")
)
@_asked
@options.confirm
def apply_grafana(**given: Any) -> int:
    """Put the dashboards into the folder Letta SLO, and read each back.

    Only what has our uid and our tag is changed. What a file provisions is left to the file.
    """
    boards = _boards(given)
    with connect(given["url"]) as grafana:
        steps = plan_steps(grafana, boards)
        _show(steps)
        if any(one.action is Action.REFUSE for one in steps):
            click.echo("nothing was changed: some uids are taken", err=True)
            return exit_codes.MISSED
        if not given["confirm"]:
            click.echo("nothing was changed: add --confirm to do it", err=True)
            return exit_codes.MET
        apply_steps(grafana, boards, steps, click.echo)
    return exit_codes.MET


@click.command(
    "grafana",
    epilog=options.epilog("""
  letta-slo deployed grafana --grafana https://grafana.example.com
  letta-slo deployed grafana --grafana https://grafana.example.com --source prometheus-prod --from 6h
"""),
)
@_asked
@click.option("--source", default="", metavar="UID", help="Which Prometheus of it to ask.  [default: its default one]")
@click.option(
    "--from", "from_s", type=When(), default="1h", show_default=True, help="Since when panels are asked: 1h, or a time."
)
@options.output()
def deployed_grafana(**given: Any) -> int:
    """Read the dashboards again, and put the query of each panel to the Prometheus behind that Grafana.

    Exit code 0: all are as they were applied, and no query fails; 3: one is not, or fails. A panel that shows nothing
    is told, and changes no exit code: a quiet system has many.
    """
    boards = _boards(given)
    with connect(given["url"]) as grafana:
        steps = plan_steps(grafana, boards)
        there = [one.uid for one in steps if one.action in (Action.NOTHING, Action.UPDATE)]
        source = source_uid(grafana, given["source"])
        span_ms = (round(given["from_s"] * 1000), round(time.time() * 1000))
        answers = [
            answer
            for board in boards.values()
            if board["uid"] in there
            for answer in ask(grafana, board, source, *span_ms)
        ]
    if given["output"] == "json":
        found = {"dashboards": [asdict(one) for one in steps], "queries": [asdict(one) for one in answers]}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _show(steps)
        _show_answers(answers)
    is_right = all(one.action is Action.NOTHING for one in steps) and not any(one.error for one in answers)
    return exit_codes.MET if is_right else exit_codes.MISSED


@click.command(
    "grafana", epilog=options.epilog("  letta-slo destroy grafana --grafana https://grafana.example.com --confirm")
)
@_grafana
@options.confirm
def destroy_grafana(url: str, *, confirm: bool) -> int:
    """Remove our dashboards, and the folder if nothing is left in it; nothing else."""
    uids = [one.uid for one in all_dashboards(load())]  # whatever the catalogue, these are ours
    with connect(url) as grafana:
        destroy_ours(grafana, uids, confirmed=confirm, say=click.echo)
    if not confirm:
        click.echo("nothing was changed: add --confirm to do it", err=True)
    return exit_codes.MET


def _boards(given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return boards(load(given["catalog"]), Links(given["runbooks_at"]))


def _show(steps: list[Step], *, as_json: bool = False) -> None:
    if as_json:
        click.echo(json.dumps([asdict(one) for one in steps], indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=True)
    for one in steps:
        console.print(f"{one.action:<8} {one.uid}: {one.reason}", style=_STYLES[one.action], markup=False)
        for difference in one.differences[:_SHOWN]:
            console.print(f"           {difference}", markup=False)
        if len(one.differences) > _SHOWN:
            console.print(f"           and {len(one.differences) - _SHOWN} more", markup=False)


def _show_answers(answers: list[Answer]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for one in answers:
        if one.error:
            console.print(
                f"fails    {one.dashboard}: {one.panel} ({one.letter}): {one.error}", style="red", markup=False
            )
        elif one.is_empty:
            console.print(f"empty    {one.dashboard}: {one.panel} ({one.letter})", style="yellow", markup=False)
    shown = sum(1 for one in answers if one.values)
    console.print(f"{shown} of {len(answers)} queries show something", markup=False)
