"""`letta-slo render`: the catalogue as alert rules and dashboards, written or compared with what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alerts.aom import rendering as aom
from alerts.generated import HEADER
from alerts.notify import rendering as notification
from alerts.notify.reading import load as load_settings
from alerts.rendering import files
from dashboards.rendering import files as dashboards
from letta_slo import exit_codes, options
from slo.catalog import load

_EPILOG = options.epilog("""
  letta-slo render --out rules                     rules by objective and component, their cases, dashboards
  letta-slo render --out rules --check             in CI: are the committed files what would be written?
  letta-slo render --out rules --catalog objectives
""")


@click.command(epilog=_EPILOG)
@options.catalog_dir
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write into, made if need be.",
)
@options.links
@options.rules
@click.option(
    "--notification",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings of notification, for Alertmanager's files.  [default: the shipped example]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 3 when a file is not what would be written.")
def render(out: Path, check: bool, **given: Any) -> int:
    """Write rules that watch each objective, alarms of the platform, cases by which both are tried, and dashboards.

    Beside them files for Alertmanager, for AOM and for Terraform. An objective of which some alert could never fire is
    refused, with the reason.
    """
    catalogue, links = load(given["catalog"]), options.links_of(given)
    how = options.rules_of(given)
    made = files(catalogue, links, **how)
    made |= notification.files(links, load_settings(given["notification"]))
    made |= aom.files(catalogue, links, **how)
    made |= {f"dashboards/{name}": text for name, text in dashboards(catalogue, links).items()}
    left = sorted(_ours(out) - {out / name for name in made})
    if check:
        drifted = [name for name, text in made.items() if not _is(out / name, text)]
        for name in drifted:
            click.echo(f"{out / name}: not what `letta-slo render` would write", err=True)
        for file in left:
            click.echo(f"{file}: `letta-slo render` would not write it any more", err=True)
        return exit_codes.MISSED if drifted or left else exit_codes.MET
    for name, text in made.items():
        file = out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        click.echo(file)
    for file in left:
        click.echo(f"{file}: from an earlier rendering, and not wanted any more: remove it", err=True)
    return exit_codes.MET


def _ours(out: Path) -> set[Path]:
    """Return the files that an earlier rendering left, by their first line; dashboards have no such line."""
    found = out.rglob("*.yaml") if out.is_dir() else ()
    return {file for file in found if file.read_text(encoding="utf-8", errors="replace").startswith(HEADER)}


def _is(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text
