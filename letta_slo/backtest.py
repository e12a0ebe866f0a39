"""`letta-slo backtest`: what would the alerts have said of a table of incidents, or of the history of a Prometheus?"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from alerts.backtest import incidents as table_of
from alerts.backtest.looking import Ask, Firing, Spent, Stretch, alert_of, firings, spent
from alerts.backtest.outcome import Outcome, Told, broken, for_nothing, told
from alerts.backtest.playing import BEGIN, Stage, openmetrics, stages
from alerts.inlining import records
from alerts.links import Links
from alerts.rules import groups
from alerts.windows import Severity
from letta_slo import exit_codes, options
from letta_slo.window import When
from production.client import Prometheus, connect
from slo.catalog import load
from slo.objective import Catalogue, Kind, Objective
from testbed.process import PartError
from testbed.prometheus_server import PrometheusServer

_EPILOG = options.epilog("""
  letta-slo backtest --only bridge-success                  five incidents, played through its rules
  letta-slo backtest --incidents ours.yaml --format json    your own, with what you expect of the alerts
  letta-slo backtest --prometheus http://10.0.0.9:9090 --from 14d    what your last two weeks would have been like
""")
_STEPS_AT_ONCE = 1440
_CREATED_WITHIN_S = 600


@click.command(epilog=_EPILOG)
@options.catalogue
@click.option(
    "--incidents",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table of incidents to play.  [default: five, from an outage to a slow leak]",
)
@click.option("--prometheus", metavar="URL", help="Look at the history there, and play nothing.")
@click.option("--from", "from_s", type=When(), default="7d", show_default=True, help="Where the history begins.")
@click.option("--to", "to_s", type=When(), default="now", show_default=True, help="Where it ends.")
@click.option(
    "--step",
    "step_s",
    type=options.FiniteRange(min=1),
    default=60,
    show_default=True,
    help="Seconds between evaluations of the rules.",
)
@options.output()
def backtest(step_s: float, output: str, **given: Any) -> int:
    """Say when each objective's page and ticket would have come and ended, what was spent, and what was for nothing.

    The alerts' own expressions are asked of a Prometheus, over counters and not over recorded series: one that it
    starts itself and fills with the incidents of a table (needs `prometheus` and `promtool` on PATH), or yours. Exit
    code 3: an incident's `page_within` or `ticket_within` was not kept.
    """
    catalogue = options.select(load(given["catalog"]), given["only"])
    if given["prometheus"] is not None:
        return _history(catalogue, step_s, output, **given)
    table = table_of.load(given["incidents"])
    outcomes, idle = _play(catalogue, table, step_s)
    if output == "json":
        click.echo(json.dumps({"outcomes": [asdict(one) for one in outcomes], "for_nothing": idle}, indent=2))
    else:
        _show(outcomes, idle, Console(highlight=False))
    return exit_codes.MISSED if any(one.broken for one in outcomes) else exit_codes.MET


def _shares(catalogue: Catalogue) -> list[Objective]:
    return [one for one in catalogue.objectives if one.kind is Kind.SHARE]


def _play(
    catalogue: Catalogue, table: Sequence[table_of.Incident], step_s: float
) -> tuple[list[Outcome], dict[str, int]]:
    shares, on = _shares(catalogue), stages(table)
    outcomes: list[Outcome] = []
    idle: dict[str, int] = {}
    stretch = Stretch(BEGIN.timestamp(), on[-1].looked_to_s, step_s)
    for one in shares:
        click.echo(f"playing {len(table)} incidents through the rules of {one.name}", err=True)
        with played(one, table) as server:  # each by itself: objectives may count the same series
            fired, cost = _look(one, catalogue, _asking(server), stretch)
        outcomes += [_outcome(one, stage, fired, cost) for stage in on]
        idle[one.name] = len(for_nothing(fired, [(stage.from_s, stage.to_s) for stage in on]))
    return outcomes, idle


def _outcome(one: Objective, stage: Stage, fired: Sequence[Firing], cost: Spent) -> Outcome:
    of_it = [each for each in fired if each.from_s < stage.looked_to_s]
    page, ticket = (told(of_it, cost, which, from_s=stage.from_s, to_s=stage.to_s) for which in Severity)
    wrong = broken("page", page, stage.incident.page_within) + broken("ticket", ticket, stage.incident.ticket_within)
    return Outcome(one.name, stage.incident.name, page, ticket, cost.between(stage.from_s, stage.to_s), wrong)


def _look(one: Objective, catalogue: Catalogue, ask: Ask, stretch: Stretch) -> tuple[list[Firing], Spent]:
    made = groups(catalogue, Links())
    (rules,) = (group["rules"] for group in made if group["name"].endswith(f"/{one.name}"))
    known = records(made)
    fired = [each for which in Severity for each in firings(alert_of(rules, which), which, known, ask, stretch)]
    return fired, spent(one, known, ask, stretch)


@contextmanager
def played(one: Objective, table: Sequence[table_of.Incident]) -> Iterator[Prometheus]:
    """Yield a Prometheus of our own that holds the incidents."""
    with tempfile.TemporaryDirectory(prefix="letta-slo-backtest-") as place:
        folder = Path(place)
        text = folder / "incidents.txt"
        with text.open("w") as out:
            out.writelines(f"{line}\n" for line in openmetrics(one, table))
        blocks = folder / "blocks"
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(blocks)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_CREATED_WITHIN_S)
        except FileNotFoundError as error:
            raise PartError(
                "no promtool on PATH: it comes with Prometheus (Debian: apt-get install prometheus)"
            ) from error
        if done.returncode:
            raise PartError(f"promtool could not store the incidents: {done.stderr.strip()[-500:]}")
        flags = ["--storage.tsdb.retention.time=20y"]
        with PrometheusServer(folder, {}, flags=flags, blocks=blocks) as server, connect(server.url) as asked:
            yield asked


def _asking(server: Prometheus) -> Ask:
    def ask(expression: str, stretch: Stretch) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        at = stretch.from_s
        while at <= stretch.to_s:
            until = min(at + (_STEPS_AT_ONCE - 1) * stretch.step_s, stretch.to_s)
            for one in server.stepped(expression, at, until, stretch.step_s):
                found += one.samples
            at = until + stretch.step_s
        return sorted(found)

    return ask


def _history(catalogue: Catalogue, step_s: float, output: str, **given: Any) -> int:
    from_s, to_s = given["from_s"], given["to_s"]
    if not from_s < to_s:
        raise click.UsageError("--from must be before --to")
    rows: list[tuple[str, Firing | None, float]] = []
    stretch = Stretch(from_s, to_s, step_s)
    with connect(given["prometheus"]) as server:
        for one in _shares(catalogue):
            click.echo(f"asking for the history of {one.name}", err=True)
            fired, cost = _look(one, catalogue, _asking(server), stretch)
            rows += [(one.name, each, cost.between(each.from_s, each.to_s)) for each in fired]
            rows += [] if cost.times_s else [(one.name, None, 0.0)]
    if output == "json":
        made = [{"objective": name, **(asdict(each) if each else {}), "spent": cost} for name, each, cost in rows]
        click.echo(json.dumps(made, indent=2))
    else:
        _show_history(rows, Console(highlight=False))
    return exit_codes.NO_DATA if rows and all(each is None for _, each, _ in rows) else exit_codes.MET


def _show(outcomes: Sequence[Outcome], idle: dict[str, int], console: Console) -> None:
    for name, count in idle.items():
        table = Table(title=name, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for title in ("incident", "page after", "spent by then", "ends", "ticket after", "ends", "spent in all"):
            table.add_column(title, overflow="fold")
        for one in (each for each in outcomes if each.objective == name):
            table.add_row(one.incident, *_of_page(one.page), *_of_ticket(one.ticket), f"{one.spent:.1%}")
            for wrong in one.broken:
                table.add_row(f"  ✗ {wrong}", style="bold red")
        console.print(table)
        console.print(f"alerts outside of any incident: {count}\n")


def _of_page(one: Told) -> tuple[str, str, str]:
    cost = "" if one.spent_by_then is None else f"{one.spent_by_then:.1%}"
    return _minutes(one.after_s, "never"), cost, _minutes(one.cleared_after_s, "")


def _of_ticket(one: Told) -> tuple[str, str]:
    return _minutes(one.after_s, "never"), _minutes(one.cleared_after_s, "")


def _minutes(seconds: float | None, without: str) -> str:
    if seconds is None:
        return without
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def _show_history(rows: Sequence[tuple[str, Firing | None, float]], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("objective", "alert", "from", "lasted", "of the budget spent meanwhile"):
        table.add_column(title, overflow="fold")
    for name, one, cost in rows:
        if one is None:
            table.add_row(name, "no data", "", "", "")
        else:
            lasted = _minutes(one.to_s - one.from_s, "") + ("" if one.is_over else ", and goes on")
            table.add_row(name, one.severity.value, _time(one.from_s), lasted, f"{cost:.2%}")
    console.print(table if rows else "no page and no ticket would have come")


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")
