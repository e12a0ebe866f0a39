"""`letta-slo prepare`: make the agents of a tier on a target once, for many runs."""

from __future__ import annotations

import click

from letta_slo import options
from letta_slo.terminal import Talk
from loadgen import fleet, guard, tiers
from loadgen.target import TargetError, check_letta

_EPILOG = options.epilog("""
  letta-slo prepare --letta-url http://127.0.0.1:8283 --tier medium
  letta-slo verify --letta-url http://127.0.0.1:8283 --tier medium --reuse-agents
  letta-slo cleanup --letta-url http://127.0.0.1:8283 --fleet medium --yes
""")


@click.command(epilog=_EPILOG)
@options.letta_url(required=True)
@click.option(
    "--tier", required=True, type=click.Choice(tiers.names()), help="Whose agents: how many, what they carry."
)
@options.models
@options.quiet
def prepare(letta_url: str, tier: str, model: str, embedding: str, *, quiet: bool) -> int:
    """Make the agents of a tier, with the memory and the history that the tier gives them; no model is asked.

    A command that was interrupted goes on where it stopped when it is given again. `letta-slo verify --reuse-agents`
    drives them, and `letta-slo cleanup --fleet` removes them.
    """
    guard.check_no_credentials(letta_url, "--letta-url", "LETTA_API_KEY")
    wanted = tiers.load(tier)
    check_letta(letta_url)
    talk = Talk(quiet=quiet)
    ours = fleet.Fleet(letta_url, tier, wanted.agents, wanted.shape, model, embedding)
    talk.say(_what(wanted))
    try:
        with talk.count("agents", wanted.agents) as report:
            done = fleet.prepare(ours, report=report)
    except TargetError as error:
        raise TargetError(f"{error}; the same command goes on where this one stopped") from error
    removed = f", {done.removed:,} that were there twice removed" if done.removed else ""
    click.echo(f"{ours.tag}: {wanted.agents:,} agents ready ({done.found:,} were there, {done.made:,} made{removed})")
    return 0


def _what(tier: tiers.Tier) -> str:
    """Say what will be made, and what it costs."""
    shape = tier.shape
    return (
        f"{tier.agents:,} agents, each with {shape.history_messages} messages of history "
        f"({shape.history_tokens:,} tokens) and {shape.core_tokens:,} tokens of core memory\n"
        f"making them asks no model and costs 0 tokens: the history is handed over as text. Each message of a run then "
        f"costs about {tier.tokens_in:,} tokens in"
    )
