"""What will a run need, and is that allowed? Requests, time, tokens and money, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from loadgen.plan import Phases
from loadgen.samples import SESSION_OPERATIONS
from loadgen.tiers import Tier, occupancy
from slo.objective import Catalogue, Measure, Phase
from slo.plan import Plan, TokenPrices, TokensPerRequest, plan

# An arrival that finds nobody free is bad; a smaller share than this cannot decide any objective of the catalogue.
NOBODY_FREE_AT_MOST = 0.001
_PRICE_KEYS = {"input_per_million", "output_per_million", "currency"}


def needs(
    catalogue: Catalogue, tier: Tier, rates: dict[str, float], phases: Phases, prices: TokenPrices | None
) -> Plan:
    """Plan a run of these rates and phases; objectives that its phases cannot show are left out."""
    lengths = {Phase(name): end - start for name, (start, end) in phases.bounds_s.items() if name in set(Phase)}
    tokens = {name: TokensPerRequest(tier.tokens_in, tier.tokens_out) for name in SESSION_OPERATIONS}
    shown = [one for one in catalogue.objectives if one.samples.phases & set(lengths)]
    return plan(shown, rates, lengths, tokens=tokens, prices=prices)


def read_prices(file: Path | None, max_cost: float | None) -> TokenPrices | None:
    """Read a price table, which a limit of cost needs; raises click.UsageError that says what is wrong with it."""
    if file is None:
        if max_cost is not None:
            raise click.UsageError("--max-cost needs --prices FILE: without prices nobody knows what a run costs")
        return None
    try:
        data: Any = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file}: a price table is YAML, and this cannot be read: {error}") from error
    if not isinstance(data, dict) or set(data) != _PRICE_KEYS:
        raise click.UsageError(
            f"{file}: a price table has the keys {sorted(_PRICE_KEYS)} and no others, found {data!r}"
        )
    try:
        per_input, per_output = (Decimal(str(data[key])) for key in ("input_per_million", "output_per_million"))
    except InvalidOperation as error:
        raise click.UsageError(f"{file}: prices are numbers, found {data!r}") from error
    if not all(price.is_finite() and price >= 0 for price in (per_input, per_output)):
        raise click.UsageError(f"{file}: prices are finite and not negative, found {data!r}")
    return TokenPrices(per_input, per_output, str(data["currency"]))


def check_cost(needed: Plan, most: float | None) -> None:
    """Refuse a run that would cost more than the user allows; raises click.UsageError."""
    if most is None or needed.cost.money is None:
        return
    if needed.cost.money > Decimal(str(most)):
        raise click.UsageError(
            f"the run would cost about {needed.cost.money:.2f} {needed.cost.currency}, --max-cost allows {most:g}; "
            f"a shorter --duration or a lower --rate costs less"
        )


def warn(needed: Plan, say: Callable[[str], None]) -> None:
    """Say which objectives the run cannot show to be met even when nothing fails."""
    for one in needed.objectives:
        if one.rate_per_s and not one.can_be_met:
            say(
                f"{one.objective.name} will be inconclusive at best: {one.expected_samples:,} requests are expected, "
                f"{one.minimum_samples:,} without a failure are needed"
            )


def longest_message_s(catalogue: Catalogue, operations: tuple[str, ...]) -> float | None:
    """Return the longest time that an objective allows a request of these operations, None when none has a limit."""
    filters = [one.samples for one in catalogue.objectives if one.samples.measure is Measure.RESPONSE_TIME]
    limits = [one.limit_s for one in filters if one.limit_s is not None and one.operations & set(operations)]
    return float(max(limits)) if limits else None


def warn_of_busy_pools(tier: Tier, rates: dict[str, float], catalogue: Catalogue, say: Callable[[str], None]) -> None:
    """Say when a tier has too few agents, or users, for the sessions of this rate, even within the objectives."""
    pools = (("agents", tier.agents, occupancy.TO_LETTA), ("users", tier.users, occupancy.TO_BRIDGE))
    for name, size, operations in pools:
        message_s = longest_message_s(catalogue, operations)
        if message_s is None:
            continue
        busy = occupancy.in_progress(rates, operations, tier.sessions, message_s)
        if occupancy.share_without_a_free_one(size, busy) > NOBODY_FREE_AT_MOST:
            say(
                f"the tier {tier.name} has {size:,} {name}, and {busy:,.0f} sessions would be in progress at a time if "
                f"messages took {message_s:g} s: arrivals that find none free are bad, and the target never sees them"
            )


def print_needs(needed: Plan, console: Console) -> None:
    """Print what each objective needs beside what the run gives it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("objective", "requests", "least for met", "planned for", "bad allowed", "enough?"):
        table.add_column(column, justify="left" if column in {"objective", "enough?"} else "right")
    for one in needed.objectives:
        planned = f"{one.planned_samples:,}" if one.planned_samples is not None else "–"
        table.add_row(
            one.objective.name,
            f"{one.expected_samples:,}",
            f"{one.minimum_samples:,}",
            planned,
            "–" if one.most_bad is None else f"{one.most_bad:,}",
            _enough(one.suffices, one.can_be_met, one.shortest_duration_s),
        )
    console.print(table)
    cost = needed.cost
    money = f", about {cost.money:.2f} {cost.currency}" if cost.money is not None else ""
    console.print(
        f"{cost.requests:,} requests; {cost.tokens_in:,} tokens in and {cost.tokens_out:,} out if a paid model "
        f"answers{money}"
    )
    console.print(
        "least for met: with no bad request at all; planned for: met in nine runs of ten when half the allowed share "
        "is bad",
        style="dim",
    )


def _enough(suffices: bool, can_be_met: bool, shortest_s: float | None) -> str:
    if suffices:
        return "yes"
    if shortest_s is None:
        return "no: nothing of it is sent"
    return f"{'only if (almost) nothing fails' if can_be_met else 'no'}; planned for needs {shortest_s:,.0f} s"
