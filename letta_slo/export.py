"""`letta-slo export`: write a stored run in a form that other tools read."""

from __future__ import annotations

from pathlib import Path

import click

from letta_slo import options
from loadgen.run_folder import RunFolder
from report.hdr import write_logs

_EPILOG = options.epilog("""
  letta-slo export runs/20261121-101500-ab12 --hdr
  letta-slo export runs/20261121-101500-ab12 --hdr --every 60 --to histograms
""")


@click.command(epilog=_EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--hdr", is_flag=True, required=True, help="As HdrHistogram logs (.hlog), one for each operation.")
@click.option(
    "--every",
    "interval_s",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an interval of a log is.",
)
@click.option(
    "--to",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the logs go.  [default: hdr/ in the run folder]",
)
def export(folder: Path, *, hdr: bool, interval_s: float, directory: Path | None) -> int:
    """Write a stored run folder as HdrHistogram logs, and print the name of each file.

    Times run from the intended start. Requests that failed carry the tag "failed".
    """
    del hdr  # the one form there is; it has to be said, so that another can come beside it
    for file in write_logs(RunFolder(folder), directory or folder / "hdr", interval_s):
        click.echo(file)
    return 0
