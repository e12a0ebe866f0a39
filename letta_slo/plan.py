"""`letta-slo plan`: say what a verdict needs before anything is sent; with a destination, what would change there."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from letta_slo import exit_codes, options
from letta_slo.destinations import at_each
from letta_slo.needs import check_cost, needs, print_needs, read_prices
from letta_slo.verbs import Verbs
from loadgen import tiers
from slo.catalog import load

_EPILOG = options.epilog("""
  letta-slo plan
  letta-slo plan --tier small --duration 600
  letta-slo plan --rate 5 --duration 3600 --prices prices.yaml --max-cost 20
  letta-slo plan aom --help                  what would change in AOM?
""")


@click.group(
    cls=Verbs,
    verbs=at_each("plan"),
    epilog=_EPILOG,
    invoke_without_command=True,
    subcommand_metavar="[DESTINATION ...]",
)
@options.load
@options.phases
@options.money
@options.catalogue
@click.pass_context
def plan(context: click.Context, /, **given: Any) -> int:
    """Say how many requests each objective needs, whether the chosen load yields them, and what it costs.

    With a destination: say what `letta-slo apply` would change there, and change nothing.
    """
    if context.invoked_subcommand is not None:
        return exit_codes.MET
    catalogue = options.select(load(given["catalog"]), given["only"])
    tier = tiers.load(given["tier"] or "small")
    rate = given["rate"] or tier.rate
    rates = {**tier.letta_rates(rate), **tier.bridge_rates(rate)}
    needed = needs(
        catalogue, tier, rates, options.phases_of(given, tier), read_prices(given["prices"], given["max_cost"])
    )
    print_needs(needed, Console(highlight=False))
    check_cost(needed, given["max_cost"])
    return 0
