"""`letta-slo panels`: does every panel of the dashboards show something at a Prometheus, and something sane?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from alerts.links import Links
from dashboards.proof.board import Board
from dashboards.proof.coverage import coverage
from dashboards.proof.exceptions import FILE, read_exceptions
from dashboards.proof.preview import page
from dashboards.proof.proving import Proof, prove
from dashboards.proof.reading import read, read_folder
from dashboards.proof.series import Ask, RefusedError, Series, Stretch
from dashboards.rendering import as_json, boards
from letta_slo import exit_codes, options
from letta_slo.window import When
from production.client import AOM_VARIABLE, TOKEN_VARIABLE, Prometheus, connect
from production.errors import QueryError
from slo.catalog import load

_EPILOG = options.epilog(f"""
  letta-slo panels --prometheus http://127.0.0.1:9090
  letta-slo panels --prometheus http://127.0.0.1:9090 --from 6h --preview dashboards.html
  letta-slo panels --prometheus http://127.0.0.1:9090 --dashboards my-dashboards --exceptions may-be-empty.yaml

\b
A Prometheus that wants credentials gets them from the environment: {TOKEN_VARIABLE} (a bearer
token), or {AOM_VARIABLE} for AOM, which was never tried against the real AOM.
""")


@click.command(epilog=_EPILOG)
@click.option("--prometheus", metavar="URL", required=True, help="The Prometheus that the dashboards will ask.")
@click.option(
    "--dashboards",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with Grafana's JSON, one dashboard a file.  [default: the shipped ones]",
)
@click.option("--from", "from_s", type=When(), default="1h", show_default=True, help="Where the time looked at begins.")
@click.option("--to", "to_s", type=When(), default="now", show_default=True, help="Where it ends.")
@click.option(
    "--scrape-interval",
    type=options.FiniteRange(min=0.1),
    default=15.0,
    show_default=True,
    help="Seconds between two samples of a series, as the data source in Grafana says.",
)
@click.option(
    "--exceptions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=FILE,
    help="List of at most five queries that may be empty, each with its reason.  [default: the shipped one]",
)
@click.option(
    "--preview",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw what the queries gave into this page, without Grafana.",
)
def panels(**given: Any) -> int:
    """Ask every query of every panel, variable and annotation, and say which give nothing, or nothing sane.

    Also said, by the expressions alone: bare counters, wrong units, windows too short. Exit code 3 when something is
    found.
    """
    stretch = Stretch(given["from_s"], given["to_s"], given["scrape_interval"])
    if not stretch.seconds > 0:
        raise click.UsageError("--from must be before --to")
    boards, excused = _boards(given["dashboards"]), read_exceptions(given["exceptions"])
    with connect(given["prometheus"]) as server:
        ask = asking(server)
        proofs = prove(boards, ask, stretch, excused, assumed_s=stretch.scrape_interval_s)
        never_shown = coverage(boards, ask, stretch).never_shown
    _print(proofs, never_shown)
    preview: Path | None = given["preview"]
    if preview is not None:
        preview.write_text(page(proofs, stretch))
        click.echo(f"preview: {preview}", err=True)
    return exit_codes.MISSED if any(one.findings for one in proofs) else exit_codes.MET


def _boards(folder: Path | None) -> tuple[Board, ...]:
    if folder is not None:
        return read_folder(folder)
    return tuple(read(as_json(board), f"{key}.json") for key, board in boards(load(), Links()).items())


def asking(prometheus: Prometheus) -> Ask:
    """Return how dashboards ask this Prometheus."""

    def ask(expression: str, from_s: float, to_s: float, step_s: float) -> Sequence[Series]:
        try:
            found = prometheus.stepped(expression, from_s, to_s, step_s)
        except QueryError as error:
            raise RefusedError(str(error)) from error
        return [Series(one.labels, tuple((time, _number(value)) for time, value in one.samples)) for one in found]

    return ask


def _number(value: object) -> float:
    """Return a value; of a native histogram how much it counted."""
    return float(value["count"]) if isinstance(value, dict) else float(str(value))


def _print(proofs: Sequence[Proof], never_shown: Sequence[str]) -> None:
    console = Console(highlight=False)
    table = Table("dashboard", "panels", "queries", "findings", box=None, header_style="bold")
    for one in proofs:
        numbers = (len(one.board.panels), one.asked, len(one.findings))
        table.add_row(one.board.title, *map(str, numbers), style="red" if one.findings else None)
    console.print(table)
    for one in proofs:
        for finding in one.findings:
            console.print(f"✗ {finding}", style="red", markup=False, soft_wrap=True)
    if not any(one.findings for one in proofs):
        console.print("✓ every query shows something", style="green")
    if never_shown:
        families = Counter(name.replace(":", "_").partition("_")[0] for name in never_shown)
        said = ", ".join(f"{family} {number}" for family, number in families.most_common())
        console.print(f"exposed and on no dashboard: {len(never_shown)} metrics ({said})", style="dim", soft_wrap=True)
