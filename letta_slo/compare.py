"""`letta-slo compare`: say in what a candidate differs from a base, from two run folders or driven in turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from letta_slo import exit_codes, options
from letta_slo.in_turns import SIDES, Wishes, drive_in_turns
from letta_slo.needs import check_cost, needs, read_prices
from letta_slo.terminal import STYLES, Talk
from loadgen import guard, tiers
from loadgen.plan import Phases
from loadgen.run_folder import RunFolder
from loadgen.turns import Turns
from report.compare import Comparison, differences_of_load, shortfalls
from report.compare import compare as compare_folders
from report.compare_text import (
    change_text,
    document,
    finding_text,
    headline,
    invalid_sentences,
    markdown,
    rules,
    value_text,
)
from slo.catalog import load
from slo.objective import Catalogue

_EPILOG = options.epilog("""
  letta-slo compare runs/20261121-101500-ab12 runs/20261121-103000-cd34
  letta-slo compare runs/20261121-101500-ab12 runs/20261121-103000-cd34 --tolerance 5 --format markdown
  letta-slo compare --base-url http://127.0.0.1:8283 --candidate-url http://127.0.0.1:8284
""")


@click.command(epilog=_EPILOG)
@click.argument("base", required=False, type=click.Path(path_type=Path))
@click.argument("candidate", required=False, type=click.Path(path_type=Path))
@click.option("--base-url", metavar="URL", help="A Letta server to drive in turns with the candidate.")
@click.option("--candidate-url", metavar="URL", help="The Letta server that may be worse than the base.")
@click.option(
    "--tolerance",
    type=options.FiniteRange(min=0.1, max=1000),
    default=10,
    show_default=True,
    metavar="PERCENT",
    help="By how much a percentile may be worse; a share may by the error budget of its objective.",
)
@click.option(
    "--pairs", type=click.IntRange(1, 100_000), default=60, show_default=True, help="Pairs of slices, one a target."
)
@click.option("--slice", type=options.FiniteRange(min=0.5), default=4, show_default=True, help="Seconds of a slice.")
@click.option(
    "--gap",
    type=options.FiniteRange(min=0),
    default=1,
    show_default=True,
    help="Seconds after each slice in which nothing is sent.",
)
@click.option(
    "--warmup",
    type=options.FiniteRange(min=0),
    default=5,
    show_default=True,
    help="Seconds of load on each target before the first pair, not compared.",
)
@click.option("--tier", type=click.Choice(tiers.names()), default="small", show_default=True, help="Which load.")
@click.option("--rate", type=options.FiniteRange(min=0.1), help="Requests a second while it is a target's turn.")
@options.seed
@options.models
@options.ownership
@options.money
@options.catalogue
@options.on_inconclusive
@options.output("markdown")
@options.runs_dir("the run folders of both targets are")
@options.quiet
def compare(**given: Any) -> int:
    """Compare a candidate with a base, and exit with 0 where it is shown to be no worse than tolerated.

    Name two run folders, the base first, or two Letta servers: they are then driven in turns, slice by slice, so that
    what slows the machine slows both. Exit code 3 says that the candidate is shown to be worse, 7 that there were too
    few requests to tell.
    """
    catalogue = options.select(load(given["catalog"]), given["only"])
    folders = _stored(given) or _drive_in_turns(given, catalogue)
    differing = differences_of_load(*folders)
    if differing:
        raise click.UsageError("the runs were not under the same load: " + "; ".join(differing))
    found = compare_folders(*folders, catalogue, tolerance=given["tolerance"] / 100)
    _print(found, given["output"])
    return exit_codes.of_verdict(found.verdict, given["on_inconclusive"])


def _stored(given: dict[str, Any]) -> tuple[RunFolder, RunFolder] | None:
    """Return the folders that were named, None where addresses were; raises click.UsageError."""
    paths = [path for name in SIDES if (path := given[name]) is not None]
    urls = [url for name in SIDES if (url := given[f"{name}_url"]) is not None]
    if (len(paths), len(urls)) == (2, 0):
        return RunFolder(paths[0]), RunFolder(paths[1])
    if (len(paths), len(urls)) == (0, 2):
        return None
    raise click.UsageError("name two run folders, or --base-url and --candidate-url")


def _print(found: Comparison, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(document(found), indent=1, ensure_ascii=False, allow_nan=False))
    elif output == "markdown":
        click.echo(markdown(found), nl=False)
    else:
        _print_table(found, Console(highlight=False))


def _print_table(found: Comparison, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "objective", "figure", "base", "candidate", "change (interval)", "found"):
        table.add_column(title, no_wrap=title != "found")
    for one in found.figures:
        mark, style = STYLES[one.verdict]
        sides = (value_text(one, value) for value in (one.base, one.candidate))
        table.add_row(mark, one.objective.name, one.name, *sides, change_text(one), finding_text(one), style=style)
    console.print(table)
    for name, why in found.not_compared:
        console.print(f"- {name}: not compared, {why}", style="dim")
    for sentence in invalid_sentences(found):
        console.print(f"! {sentence}", style="bold magenta")
    for sentence in found.cautions:
        console.print(f"! {sentence}", style="yellow")
    console.print(rules(found), style="dim")
    mark, style = STYLES[found.verdict]
    console.print(f"{mark} {headline(found)}", style=style)


def _drive_in_turns(given: dict[str, Any], catalogue: Catalogue) -> tuple[RunFolder, RunFolder]:
    """Drive both servers in turns and return their run folders; refuses a load that is not allowed."""
    talk = Talk(quiet=given["quiet"])
    turns = Turns(given["pairs"], given["slice"], given["gap"], given["warmup"], given["seed"])
    tier = tiers.load(given["tier"])
    rate = given["rate"] or tier.rate
    urls = {name: str(given[f"{name}_url"]) for name in SIDES}
    for name, url in urls.items():
        guard.check_no_credentials(url, f"--{name}-url", "LETTA_API_KEY")
        guard.check(url, rate, owned=given["i_own_this_target"])
    rates = tier.letta_rates(rate)
    both = Phases(2 * turns.warmup_s, 2 * turns.pairs * turns.slice_s)
    prices = read_prices(given["prices"], given["max_cost"])
    check_cost(needs(catalogue, tier, rates, both, prices), given["max_cost"])
    options.make_runs_dir(given["runs_dir"])
    for sentence in shortfalls(catalogue, rates, turns, tolerance=given["tolerance"] / 100):
        talk.say(sentence)
    wishes = Wishes(urls, given["runs_dir"], tier, rate, turns, given["seed"], given["model"], given["embedding"])
    return drive_in_turns(wishes, talk)
