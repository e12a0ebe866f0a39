"""`letta-slo cleanup`: remove what earlier runs left on a target, and prepared agents that are no longer wanted."""

from __future__ import annotations

import click

from letta_slo import options
from letta_slo.terminal import Talk
from loadgen import fleet_lease, guard, prepare, tiers

_EPILOG = options.epilog("""
  letta-slo cleanup --letta-url http://127.0.0.1:8283                               list what is there
  letta-slo cleanup --letta-url http://127.0.0.1:8283 --yes                         remove what runs left
  letta-slo cleanup --letta-url http://127.0.0.1:8283 --run 20261121-101500-ab12 --yes
  letta-slo cleanup --letta-url http://127.0.0.1:8283 --fleet medium --yes          remove a tier's prepared agents
""")


@click.command(epilog=_EPILOG)
@options.letta_url(required=True)
@click.option("--run", "run_id", metavar="ID", help="Only this run.  [default: every run of the suite]")
@click.option(
    "--fleet",
    "tier",
    type=click.Choice(tiers.names()),
    help="Only the agents that `letta-slo prepare` made for this tier; without it they stay.",
)
@click.option("--yes", is_flag=True, help="Remove; without it the command only says what it would remove.")
def cleanup(letta_url: str, run_id: str | None, tier: str | None, *, yes: bool) -> int:
    """Remove agents that carry the tag of a run, or of a fleet, with their memories; nothing else is touched."""
    guard.check_no_credentials(letta_url, "--letta-url", "LETTA_API_KEY")
    if run_id and tier:
        raise click.UsageError("--run and --fleet name two different things to remove: give one of them")
    if tier:
        _fleet(letta_url, tier, yes=yes)
        return 0
    fleets = () if run_id else prepare.list_tags(letta_url, prepare.FLEET_PREFIX)
    runs = (prepare.TAG_PREFIX + run_id,) if run_id else prepare.list_tags(letta_url, prepare.TAG_PREFIX)
    if not runs and not fleets:
        click.echo("nothing of the suite is on this target")
    for tag in runs:
        _one(letta_url, tag, "--yes removes them", yes=yes)
    for tag in fleets:
        name = tag.removeprefix(prepare.FLEET_PREFIX)
        _one(letta_url, tag, f"--fleet {name} --yes removes them{_users(letta_url, name)}", yes=False)
    return 0


def _fleet(url: str, tier: str, *, yes: bool) -> None:
    tag = prepare.FLEET_PREFIX + tier
    _one(url, tag, f"--yes removes them{_users(url, tier)}", yes=yes)
    if yes:
        prepare.delete_agents(url, prepare.LEASE_PREFIX + tier)


def _one(url: str, tag: str, hint: str, *, yes: bool) -> None:
    count = prepare.count_agents(url, tag)
    if not yes:
        click.echo(f"{tag}: {count} agents; {hint}")
        return
    with Talk().count("removed", count) as report:
        deleted = prepare.delete_agents(url, tag, report=lambda done, _: report(done, max(done, count)))
    click.echo(f"{tag}: {deleted} agents removed")


def _users(url: str, tier: str) -> str:
    """Return who uses a fleet now, as the end of a sentence."""
    return "".join(f"; {lease.sentence}" for lease in fleet_lease.holders(url, tier))
