"""How does a run folder become a report, a table and an exit code? The same for `verify` and for `gate`."""

from __future__ import annotations

import click

from letta_slo import exit_codes
from letta_slo.terminal import print_verdicts
from loadgen.run_folder import RunFolder
from report.judge import judge
from report.write import write_reports
from slo.objective import Catalogue


def conclude(folder: RunFolder, catalogue: Catalogue, *, output: str, on_inconclusive: int) -> int:
    """Judge the folder, write the reports into it, print the result and return the exit code."""
    judged = judge(folder, catalogue)
    files = write_reports(judged, folder.path)
    if output == "json":
        click.echo(files["json"].read_text(), nl=False)
    else:
        print_verdicts(judged)
    click.echo(f"report: {files['html']}", err=output == "json")
    return exit_codes.of_verdict(judged.verdict, on_inconclusive)
