"""`letta-slo gate`: judge a stored run folder again, or a stretch of production by its counters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from letta_slo import exit_codes, options
from letta_slo.outcome import conclude
from letta_slo.terminal import STYLES, print_table
from letta_slo.window import When
from loadgen.run_folder import RunFolder
from probe.counters import read_from_probe
from production.client import AOM_VARIABLE, TOKEN_VARIABLE, Prometheus, connect
from production.reading import Reading, read
from report.production import JudgedWindow, judge_window, notes_of, production_document
from report.production_write import write_window
from slo.catalog import load
from slo.objective import Catalogue, Objective

_EPILOG = options.epilog(f"""
  letta-slo gate runs/20261121-101500-ab12
  letta-slo gate runs/20261121-101500-ab12 --catalog my-slos --on-inconclusive 0
  letta-slo gate runs/20261121-101500-ab12 --format json
  letta-slo gate --prometheus http://127.0.0.1:9090 --from 6h
  letta-slo gate --prometheus https://aom.example/v1/PROJECT_ID --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z

\b
A Prometheus that wants credentials gets them from the environment: {TOKEN_VARIABLE} (a bearer
token), or {AOM_VARIABLE} for AOM, which was never tried against the real AOM.
""")
_PERIOD_STEPS = 4_000  # values a series and compliance period: seven minutes apart in four weeks


@click.command(epilog=_EPILOG)
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--prometheus", metavar="URL", help="Judge production by the counters that this Prometheus has.")
@click.option("--from", "from_s", type=When(), help="Where the window begins: a time, or 6h for six hours ago.")
@click.option("--to", "to_s", type=When(), default="now", show_default=True, help="Where it ends.")
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the reports of a window go.  [default: nowhere]",
)
@click.option("--probe", is_flag=True, help="Judge by what letta-slo probe counted, not by the servers' own counters.")
@options.judging
def gate(folder: Path | None, **given: Any) -> int:
    """Judge a stored run folder, or a window of production, and exit with the verdict.

    A run folder gets its reports written again.
    """
    catalogue = options.select(load(given["catalog"]), given["only"])
    if given["prometheus"]:
        if folder is not None:
            raise click.UsageError("name a run folder or --prometheus, not both")
        return _gate_window(catalogue, given)
    if folder is None:
        raise click.UsageError("name a run folder, or --prometheus URL with --from")
    if given["probe"]:
        raise click.UsageError("--probe goes with --prometheus: a run folder has no counters of a probe")
    return conclude(RunFolder(folder), catalogue, output=given["output"], on_inconclusive=given["on_inconclusive"])


def _gate_window(catalogue: Catalogue, given: dict[str, Any]) -> int:
    from_s, to_s = given["from_s"], given["to_s"]
    if from_s is None:
        raise click.UsageError("--prometheus needs --from: where the window begins")
    if not from_s < to_s:
        raise click.UsageError("--from must be before --to")
    catalogue = read_from_probe(catalogue) if given["probe"] else catalogue
    counted_by = "letta-slo probe" if given["probe"] else "the servers"
    with connect(given["prometheus"]) as prometheus:
        readings = [_read(prometheus, objective, from_s, to_s) for objective in catalogue.objectives]
        window = judge_window(prometheus.address, counted_by, from_s, to_s, readings)
    _write(window, given["report_dir"])
    if given["output"] == "json":
        click.echo(json.dumps(production_document(window), indent=1, ensure_ascii=False))
    else:
        _print(window)
    return exit_codes.of_verdict(window.verdict, given["on_inconclusive"])


def _read(prometheus: Prometheus, objective: Objective, from_s: float, to_s: float) -> tuple[Reading, Reading]:
    calendar = objective.calendar
    period_s = objective.period.total_seconds() if calendar is None else max(1.0, to_s - calendar.begin(to_s))
    period = read(prometheus, objective, to_s - period_s, to_s, step_s=max(1.0, period_s / _PERIOD_STEPS))
    return read(prometheus, objective, from_s, to_s), period


def _write(window: JudgedWindow, directory: Path | None) -> None:
    if directory is None:
        return
    file = write_window(window, directory)
    click.echo(f"report: {file}", err=True)


def _print(window: JudgedWindow) -> None:
    console = Console(highlight=False)
    print_table([each.one for each in window.readings], console)
    for each in window.readings:
        for text in notes_of(each):
            console.print(f"  {each.one.objective.name}: {text}", style="dim")
    for one in window.not_judged:
        console.print(f"- {one.objective.name}: not judged, {one.why}", style="dim")
    mark, style = STYLES[window.verdict]
    console.print(f"{mark} {window.verdict.value}", style=style)
