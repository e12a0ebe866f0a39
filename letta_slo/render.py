"""`letta-slo render`: the catalogue as alert rules, written or compared with what is there."""

from __future__ import annotations

from pathlib import Path

import click

from alerts.links import Links
from alerts.rendering import files
from letta_slo import exit_codes, options
from slo.catalog import load

_EPILOG = options.epilog("""
  letta-slo render --out rules                     prometheus/letta-slo.yaml, kubernetes/letta-slo.yaml
  letta-slo render --out rules --check             in CI: are the committed files what would be written?
  letta-slo render --out rules --catalog objectives
""")


@click.command(epilog=_EPILOG, short_help="The catalogue as alert rules.")
@options.catalog_dir
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write into, made if need be.",
)
@click.option(
    "--runbooks-at",
    default=Links().runbooks,
    show_default=True,
    help="Where people find the runbooks, as alerts link to them: an address, or a path in your repository.",
)
@click.option(
    "--grafana-at", default="", help="Address of your Grafana, for links to dashboards.  [default: paths alone]"
)
@click.option("--check", is_flag=True, help="Write nothing; exit code 3 when a file is not what would be written.")
def render(catalog: Path | None, out: Path, runbooks_at: str, grafana_at: str, check: bool) -> int:
    """Write the rules that watch each objective: recordings, pages and tickets by burn rate, absence of data.

    An objective of which some alert could never fire is refused, with the reason.
    """
    made = files(load(catalog), Links(runbooks_at, grafana_at))
    if check:
        drifted = [name for name, text in made.items() if not _is(out / name, text)]
        for name in drifted:
            click.echo(f"{out / name}: not what `letta-slo render` would write", err=True)
        return exit_codes.MISSED if drifted else exit_codes.MET
    for name, text in made.items():
        file = out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        click.echo(file)
    return exit_codes.MET


def _is(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text
