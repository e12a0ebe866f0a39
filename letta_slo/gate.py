"""`letta-slo gate`: judge a stored run folder again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from letta_slo import options
from letta_slo.outcome import conclude
from loadgen.run_folder import RunFolder
from slo.catalog import load

_EPILOG = options.epilog("""
  letta-slo gate runs/20261121-101500-ab12
  letta-slo gate runs/20261121-101500-ab12 --catalog my-slos --on-inconclusive 0
  letta-slo gate runs/20261121-101500-ab12 --format json
""")


@click.command(epilog=_EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
@options.judging
def gate(folder: Path, **given: Any) -> int:
    """Judge a stored run folder, write its reports again, and exit with the verdict."""
    catalogue = options.select(load(given["catalog"]), given["only"])
    return conclude(RunFolder(folder), catalogue, output=given["output"], on_inconclusive=given["on_inconclusive"])
