"""`letta-slo plan`: say what a verdict needs, before anything is sent."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from letta_slo import options
from letta_slo.needs import check_cost, needs, print_needs, read_prices
from loadgen import tiers
from slo.catalog import load

_EPILOG = options.epilog("""
  letta-slo plan
  letta-slo plan --tier small --duration 600
  letta-slo plan --rate 5 --duration 3600 --prices prices.yaml --max-cost 20
""")


@click.command(epilog=_EPILOG, short_help="Say how many requests a verdict needs, and what they cost.")
@options.load
@options.phases
@options.money
@options.catalogue
def plan(**given: Any) -> int:
    """Say how many requests each objective needs, whether the chosen load yields them, and what it costs."""
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
