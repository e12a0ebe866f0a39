"""`letta-slo cleanup`: remove what earlier runs left on a target."""

from __future__ import annotations

import click

from letta_slo import options
from loadgen import guard, prepare

_EPILOG = options.epilog("""
  letta-slo cleanup --letta-url http://127.0.0.1:8283                               list what would be removed
  letta-slo cleanup --letta-url http://127.0.0.1:8283 --yes                         remove it
  letta-slo cleanup --letta-url http://127.0.0.1:8283 --run 20261121-101500-ab12 --yes
""")


@click.command(epilog=_EPILOG, short_help="Remove what earlier runs left on a target.")
@click.option(
    "--letta-url",
    required=True,
    envvar="LETTA_SLO_LETTA_URL",
    show_envvar=True,
    metavar="URL",
    help="The Letta server; its key comes from LETTA_API_KEY in the environment.",
)
@click.option("--run", "run_id", metavar="ID", help="Only this run.  [default: every run of the suite]")
@click.option("--yes", is_flag=True, help="Remove; without it the command only says what it would remove.")
def cleanup(letta_url: str, run_id: str | None, *, yes: bool) -> int:
    """Remove agents that carry the tag of a run, with their memories; nothing else is touched."""
    guard.check_no_credentials(letta_url, "--letta-url", "LETTA_API_KEY")
    tags = (prepare.TAG_PREFIX + run_id,) if run_id else prepare.list_run_tags(letta_url)
    if not tags:
        click.echo("nothing of the suite is on this target")
    for tag in tags:
        if yes:
            click.echo(f"{tag}: {prepare.delete_agents(letta_url, tag)} agents removed")
        else:
            click.echo(f"{tag}: {prepare.count_agents(letta_url, tag)} agents; --yes removes them")
    return 0
