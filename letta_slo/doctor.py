"""`letta-slo doctor`: does an account on Huawei Cloud take our telemetry, and is what we assume of it true?"""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from huawei.account import NEEDED, read
from huawei.examination import Findings, Outcome, Truth, examine
from letta_slo import exit_codes, options

_EPILOG = options.epilog("""
  letta-slo doctor                                 every service whose variables are set
  letta-slo doctor --only apm --only lts --wait 120
  letta-slo doctor --format json > findings.json
""")
_STYLES = {
    Outcome.DONE: ("✓", "green"),
    Outcome.REFUSED: ("✗", "bold red"),
    Outcome.UNREACHABLE: ("✗", "bold red"),
    Outcome.NOT_FOUND: ("✗", "bold red"),
    Outcome.NOT_ASKED: ("-", "dim"),
}
_TRUTHS = {Truth.CONFIRMED: ("✓", "green"), Truth.REFUTED: ("✗", "bold yellow"), Truth.NOT_ASKED: ("-", "dim")}


@click.command(epilog=_EPILOG)
@click.option(
    "--only",
    "services",
    type=click.Choice(tuple(NEEDED)),
    multiple=True,
    help="Which service, also several times.  [default: each whose variables are set]",
)
@click.option(
    "--wait",
    "wait_s",
    type=options.FiniteRange(min=1),
    default=60,
    show_default=True,
    help="Seconds that each thing has until it can be read back.",
)
@options.output()
def doctor(services: tuple[str, ...], wait_s: float, output: str) -> int:
    """Write one span to APM, one sample to AOM and two lines to LTS, read them back, and say what is true.

    Addresses and credentials are the collector's variables (docs/how-to/deploy-the-collector.md). Exit code 0: each
    step that was asked is done; 3: something was refused, or did not come back; 5: a service could not be reached. An
    assumption that is refuted is told and changes no exit code. No part of it was ever run against the real services.
    """
    account = read(os.environ, services)
    findings = examine(account, wait_s=wait_s, say=lambda text: click.echo(text, err=True))
    if output == "json":
        click.echo(json.dumps(asdict(findings), indent=2, ensure_ascii=False))
    else:
        _show(findings, Console(highlight=False))
    if Outcome.UNREACHABLE in findings.outcomes:
        return exit_codes.TARGET_UNREACHABLE
    return exit_codes.MISSED if findings.outcomes & {Outcome.REFUSED, Outcome.NOT_FOUND} else exit_codes.MET


def _show(findings: Findings, console: Console) -> None:
    steps = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "service", "step", "outcome", "said"):
        steps.add_column(title, overflow="fold")
    for step in findings.steps:
        mark, style = _STYLES[step.outcome]
        steps.add_row(mark, step.service, step.what, step.outcome.value, step.said, style=style)
    console.print(steps)
    console.print("\nwhat this suite assumes of Huawei Cloud", style="bold")
    for one in findings.assumptions:
        mark, style = _TRUTHS[one.truth]
        said = f" ({one.said})" if one.said else ""
        console.print(f"{mark} {one.truth.value}: {one.claim}{said}", style=style, markup=False)
