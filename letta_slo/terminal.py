"""What does a person see while a run goes on, and at its end? Talk on standard error, the result on standard output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from letta_slo.counting import counting
from letta_slo.drive import Watch
from loadgen.plan import RunPlan
from report.judge import JudgedObjective, JudgedRun
from report.words import bad_count, budget_text, percent, percentile_text, share_text
from slo.verdict import Verdict

_PLAIN_EVERY_S = 10.0
STYLES = {
    Verdict.MET: ("✓", "green"),
    Verdict.MISSED: ("✗", "bold red"),
    Verdict.INCONCLUSIVE: ("?", "yellow"),
    Verdict.NO_DATA: ("∅", "yellow"),
    Verdict.INVALID_RUN: ("!", "bold magenta"),
}


class Talk:
    """Says what goes on; a bar with the time left on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._progress: Progress | None = None
        self._last_plain_s = 0.0

    def say(self, text: str) -> None:
        """Say one line."""
        self._console.print(text)

    def watch(self, plan: RunPlan) -> RunWatcher:
        """Return what shows the progress of a run of this plan."""
        return RunWatcher(plan, self._console)

    def count(self, verb: str, total: int) -> AbstractContextManager[Callable[[int, int], None]]:
        """Return what shows how many of `total` are done: call what it gives with that number and the total."""
        return counting(self._console, verb, total)


class RunWatcher:
    """Shows how far a run is."""

    def __init__(self, plan: RunPlan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._total_s = plan.phases.duration_s
        self._bar = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[left]:>10}"),
            TextColumn("{task.fields[facts]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("start", total=self._total_s, left="", facts="")
        self._last_plain_s = 0.0

    def __enter__(self) -> RunWatcher:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, watch: Watch) -> None:
        """Show the newest state."""
        if not watch.rows:
            return
        rows = watch.rows.values()
        left_s = max(0.0, self._total_s - watch.offset_s)
        phase = self._plan.phases.phase_at(watch.offset_s)
        facts = (
            f"{sum(int(row['finished']) for row in rows)}/s  {watch.bad} bad of {watch.finished}  "
            f"{sum(int(row['in_flight']) for row in rows)} in flight  "
            f"slowest {max(float(row['slowest_s']) for row in rows):.2f} s"
        )
        left = f"{left_s:.0f} s left" if left_s else "draining"
        self._bar.update(
            self._task, completed=min(watch.offset_s, self._total_s), description=phase, left=left, facts=facts
        )
        if not self._console.is_terminal and watch.offset_s - self._last_plain_s >= _PLAIN_EVERY_S:
            self._last_plain_s = watch.offset_s
            self._console.print(f"  {phase:<9} {left:>10}  {facts}")


def print_verdicts(run: JudgedRun, console: Console | None = None) -> None:
    """Print the table of objectives, why a run is invalid, and the verdict of the run."""
    console = console or Console(highlight=False)
    print_table(run.objectives, console)
    for left_out in run.not_judged:
        console.print(f"- {left_out.objective.name}: not judged, {left_out.why}", style="dim")
    for reason in run.invalid:
        console.print(f"! {reason.sentence}" + (f" ({reason.culprit})" if reason.culprit else ""), style="bold magenta")
    if run.saturation is not None and run.saturation.saturated:
        console.print(f"! {run.saturation.sentence}", style="yellow")
    mark, style = STYLES[run.verdict]
    on_stub = " on a STUB, a test double: it says nothing about your servers" if run.is_stub else ""
    console.print(f"{mark} {run.verdict.value}{on_stub}", style=style)


def print_table(objectives: Sequence[JudgedObjective], console: Console) -> None:
    """Print a row for each objective, as many columns as fit."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [column for column in _COLUMNS if column.least_width <= console.width]
    for column in columns:
        table.add_column(column.title, no_wrap=True)
    for one in objectives:
        table.add_row(*(column.text(one) for column in columns), style=STYLES[one.verdict][1])
    console.print(table)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table, left out where the terminal is narrower than `least_width`."""

    title: str
    text: Callable[[JudgedObjective], str]
    least_width: int = 0


def _allowed(one: JudgedObjective) -> str:
    return percent(float(one.objective.allowed_bad_share)) if one.objective.target is not None else "none"


_COLUMNS = (
    _Column("", lambda one: STYLES[one.verdict][0]),
    _Column("objective", lambda one: one.objective.name),
    _Column("verdict", lambda one: one.verdict.value),
    _Column("bad of all", lambda one: f"{bad_count(one)} of {one.judgement.total}"),
    _Column("bad share (interval)", share_text, least_width=100),
    _Column("allowed", _allowed, least_width=72),
    _Column("budget used", budget_text, least_width=84),
    _Column("p95 (interval)", lambda one: percentile_text(one, 95), least_width=132),
)
