"""`letta-slo capacity`: find the highest rate at which every objective is still met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from letta_slo import exit_codes, options
from letta_slo.capacity_asked import asked_of, objectives_of, open_target, read_point, service_of, steps_of
from letta_slo.capacity_steps import drive_steps
from letta_slo.terminal import STYLES, Talk
from loadgen import tiers
from loadgen.run_folder import new_run_id
from loadgen.samples import OPERATIONS
from report.capacity import SHORTEST_STEP_S, Capacity, conclude_search, found_text, rate_text, remarks
from report.capacity_step import StepReading
from report.capacity_write import write_capacity
from report.words import seconds
from slo.catalog import load
from slo.search import Ending, Outcome
from slo.verdict import Verdict

_EPILOG = options.epilog("""
  letta-slo capacity --scenario message --only letta-message-latency    of the embedded stub of Letta
  letta-slo capacity --service bridge                                   of the reference bridge, with a stub behind it
  letta-slo capacity --target letta --only letta-message-latency        of a real Letta 0.16.4 started here
  letta-slo capacity --letta-url http://127.0.0.1:8283 --replicas 4 --point 1=52 --point 2=98..103
""")

_BROKEN_OFF = "it was broken off in the step after the last one here"
_SMALLEST_STEP_S = 8.0  # fewer seconds have no slope
_MARKS = {
    Outcome.MET: STYLES[Verdict.MET],
    Outcome.NOT_MET: STYLES[Verdict.MISSED],
    Outcome.UNDECIDED: STYLES[Verdict.INCONCLUSIVE],
    Outcome.INVALID: STYLES[Verdict.INVALID_RUN],
    Outcome.TOO_FEW_AGENTS: STYLES[Verdict.INCONCLUSIVE],
}


@click.command(epilog=_EPILOG)
@options.started_here
@click.option(
    "--service",
    type=click.Choice(["letta", "bridge"]),
    help="Whose capacity is sought.  [default: bridge where only the address of a Redis is given, else letta]",
)
@options.addresses
@click.option(
    "--tier",
    type=click.Choice(tiers.names()),
    help="Whose request mix and agents.  [default: small; tiny with --target letta]",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    type=click.Choice(OPERATIONS),
    metavar="OPERATION",
    help="Send this operation only, in place of the tier's mix; may be repeated.",
)
@click.option("--agents", type=click.IntRange(1, 20_000), help="Agents to prepare.  [default: the tier's]")
@click.option("--start", type=options.FiniteRange(min=0.1), help="First rate.  [default: a fifth of the tier's]")
@click.option(
    "--max-rate",
    type=options.FiniteRange(min=0.1),
    help="Highest rate to try.  [default: 4,000; 50 where more needs --i-own-this-target]",
)
@click.option(
    "--step",
    "step_s",
    type=options.FiniteRange(min=_SMALLEST_STEP_S),
    default=SHORTEST_STEP_S,
    show_default=True,
    help=f"Seconds of steady state of a step; below {SHORTEST_STEP_S:g} only to try it, which the report says.",
)
@click.option(
    "--longest-step",
    "longest_s",
    type=options.FiniteRange(min=_SMALLEST_STEP_S),
    default=300,
    show_default=True,
    help="Seconds to which a step is made longer where its verdicts need more requests.",
)
@click.option(
    "--resolution",
    type=options.FiniteRange(min=0.5, max=100),
    default=5,
    show_default=True,
    metavar="PERCENT",
    help="How far apart the highest rate met and the lowest not met may be.",
)
@click.option("--most-steps", type=click.IntRange(1, 100), default=20, show_default=True, help="Steps in all.")
@click.option(
    "--warmup",
    type=options.FiniteRange(min=0),
    default=5,
    show_default=True,
    help="Seconds of the same load before each step, not judged.",
)
@click.option(
    "--replicas", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Replicas behind the address."
)
@click.option(
    "--point",
    "points",
    multiple=True,
    metavar="N=RATE",
    help="Capacity measured with N replicas, N=RATE or N=LOW..HIGH, for the scalability curve; may be repeated.",
)
@options.seed
@options.money
@options.judging
@options.workers
@options.runs_dir("the folder of the search, with a run folder for each step, is")
@options.quiet
def capacity(**given: Any) -> int:
    """Find the highest rate at which every objective is still met and no backlog grows.

    The rate doubles from step to step until one is not met; then the distance is halved. The exit code is 0 where a
    rate was met, 3 where not even the first was, 4 where the generator could not send the first, 7 where nothing could
    be decided.
    """
    points = tuple(read_point(text) for text in given["points"])
    catalogue = options.select(load(given["catalog"]), given["only"])
    steps = steps_of(given, new_run_id())
    judged = objectives_of(catalogue, steps, service_of(given))
    talk = Talk(quiet=given["quiet"])
    options.make_runs_dir(given["runs_dir"])
    with open_target(given, steps, talk.say) as targets:
        asked = asked_of(given, steps, targets, points)
        readings: list[StepReading] = []
        try:
            stopped = drive_steps(steps, targets, judged, talk, readings)
        except BaseException:  # also Ctrl-C: half an hour of steps is not thrown away
            if readings:
                _tell(conclude_search(asked, readings, stopped=_BROKEN_OFF), steps.folder, given["output"])
            raise
    found = conclude_search(asked, readings, stopped=stopped)
    _tell(found, steps.folder, given["output"])
    return exit_code(found, given["on_inconclusive"])


def exit_code(found: Capacity, on_inconclusive: int) -> int:
    """Return what the shell gets: 0 where a rate was met, else why none was."""
    ending = found.found.ending
    if ending is Ending.START_MISSED:
        return exit_codes.MISSED
    if ending is Ending.START_INVALID:
        return exit_codes.INVALID_RUN
    if ending is Ending.NOTHING:
        has_no_data = any(step.run.verdict is Verdict.NO_DATA for step in found.steps)
        return exit_codes.NO_DATA if has_no_data else on_inconclusive
    return exit_codes.MET


def _tell(found: Capacity, folder: Path, output: str) -> None:
    files = write_capacity(found, folder)
    if output == "json":
        click.echo(files["json"].read_text(), nl=False)
    else:
        _print(found, Console(highlight=False))
    click.echo(f"report: {files['html']}", err=output == "json")


def _print(found: Capacity, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "step", "rate", "arrived", "completed", "p95", "seconds", "outcome"):
        table.add_column(title, no_wrap=True, justify="left" if title in {"", "outcome"} else "right")
    for step in sorted(found.steps, key=lambda one: (one.rate, one.number)):
        p95 = "–" if step.p95 is None else seconds(step.p95.value)
        rates = (rate_text(rate) for rate in (step.rate, step.arrived_per_s, step.completed_per_s))
        mark, style = _MARKS[step.outcome]
        table.add_row(mark, step.name, *rates, p95, f"{step.steady_s:g}", step.outcome.value, style=style)
    console.print(table)
    for sentence in remarks(found):
        console.print(f"- {sentence}", style="dim")
    for tier, needed in found.needed.items():
        console.print(f"replicas for {tier} ({rate_text(needed.rate)}/s): {needed.sentence}")
    on_stub = " on a STUB, a test double: it says nothing about your servers" if found.is_stub else ""
    console.print(f"{found_text(found)}{on_stub}", style="bold")
