"""Which options do several verbs share? Each is said once, with its environment variable and default."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from alerts.counting import Histograms
from alerts.links import Links
from alerts.platform import load as load_alarms
from letta_slo import exit_codes
from loadgen import tiers
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL, REDIS_VARIABLE, Phases
from slo.objective import Catalogue

# Ten seconds without Letta yield 500 requests at 50 a second, enough for 99 % (299); fifteen show that it came back.
_SETTLE_S = 5.0  # longer than any limit: what was due before the drill has ended when it begins
_DRILL_S = 10.0
_RECOVERY_S = 15.0


class FiniteRange(click.FloatRange):
    """A range of floats without nan, which is in every range, and without infinity, of which there is no rate."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; raises click.BadParameter."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def epilog(examples: str) -> str:
    """Return the end of a help page: examples that run."""
    return "\b\nExamples:\n" + examples.strip("\n")


def together(*decorators: Decorator) -> Decorator:
    """Return one decorator that adds several options, in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def letta_url(*, required: bool = False) -> Decorator:
    """Return the option that names a Letta server."""
    return click.option(
        "--letta-url",
        required=required,
        envvar="LETTA_SLO_LETTA_URL",
        show_envvar=True,
        metavar="URL",
        help="Your own Letta server; its key comes from LETTA_API_KEY in the environment.",
    )


models = together(
    click.option(
        "--model", default=DEFAULT_MODEL, show_default=True, metavar="HANDLE", help="Model of the agents that are made."
    ),
    click.option(
        "--embedding",
        default=DEFAULT_EMBEDDING,
        show_default=True,
        metavar="HANDLE",
        help="Embedding model of the agents that are made.",
    ),
)

ownership = click.option(
    "--i-own-this-target",
    is_flag=True,
    help="Allow more than 50 requests a second to a host that is not this machine.",
)

addresses = together(
    letta_url(),
    click.option(
        "--redis-url",
        metavar="URL",
        help=f"The Redis of your own bridge, without a password (one with a password goes into {REDIS_VARIABLE}).",
    ),
    models,
    ownership,
)

started_here = together(
    click.option(
        "--target",
        type=click.Choice(["stub", "letta"]),
        default="stub",
        show_default=True,
        help="What to start here when no address is given.",
    ),
    click.option(
        "--stub-behaviour",
        metavar="JSON",
        help="Service times, servers and faults of the Letta stub (testbed only): docs/reference/stub.md.",
    ),
)

seed = click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of arrivals and texts."
)

workers = click.option(
    "--workers", type=click.IntRange(1, 32), default=1, show_default=True, help="Load generator processes."
)

quiet = click.option("--quiet", is_flag=True, help="Say nothing but the result.")

load = together(
    click.option(
        "--tier",
        type=click.Choice(tiers.names()),
        default=None,
        help="Which load: rate, agents, request mix.  [default: small; tiny with --target letta]",
    ),
    click.option("--rate", type=FiniteRange(min=0.1), help="Requests a second to Letta and to the bridge each."),
    click.option("--duration", type=FiniteRange(min=1), default=None, help="Seconds of steady state."),
    seed,
)

phases = together(
    click.option(
        "--warmup",
        type=FiniteRange(min=0),
        default=5,
        show_default=True,
        help="Seconds of the same load before the steady state, not judged.",
    ),
    click.option("--no-drill", is_flag=True, help="Leave out the drill, the ten seconds without Letta (testbed only)."),
)

money = together(
    click.option(
        "--prices",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="YAML with input_per_million, output_per_million and currency.",
    ),
    click.option(
        "--max-cost",
        type=FiniteRange(min=0),
        metavar="MONEY",
        help="Refuse, before it begins, a run that would cost more.",
    ),
)

catalog_dir = click.option(
    "--catalog",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="LETTA_SLO_CATALOG",
    show_envvar=True,
    help="Directory of OpenSLO files.  [default: the suite's own]",
)

catalogue = together(
    catalog_dir,
    click.option("--only", multiple=True, metavar="NAME", help="Judge this objective only; may be repeated."),
)

runbooks_at = click.option(
    "--runbooks-at",
    default=Links().runbooks,
    show_default=True,
    help="Where people find the runbooks, as alerts and panels link to them: an address, or a path.",
)

links = together(
    runbooks_at,
    click.option(
        "--grafana-at", default="", help="Address of your Grafana, for links to dashboards.  [default: paths alone]"
    ),
)

rules = together(
    click.option(
        "--alarms",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder with alarms of the platform.  [default: the shipped ones, alerts/platform]",
    ),
    click.option(
        "--native-histograms",
        is_flag=True,
        help="Read the latencies of objectives from native histograms; no cases for promtool are made of these.",
    ),
)

confirm = click.option("--confirm", is_flag=True, help="Do it; without this the plan is shown, and nothing changes.")

on_inconclusive = click.option(
    "--on-inconclusive",
    type=click.IntRange(0, 255),
    default=exit_codes.INCONCLUSIVE,
    show_default=True,
    metavar="CODE",
    help="Exit code where too little was seen to tell.",
)


def output(*more: str) -> Decorator:
    """Return the option that says what is printed: a table to read, the report as JSON, or one of `more`."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(["table", "json", *more]),
        default="table",
        show_default=True,
        help="What goes to standard output: a table to read, or the report in another form.",
    )


judging = together(catalogue, on_inconclusive, output())


def runs_dir(what: str) -> Decorator:
    """Return the option that says where `what` is made; `make_runs_dir` makes it."""
    return click.option(
        "--runs-dir",
        type=click.Path(path_type=Path),
        default=Path("runs"),
        envvar="LETTA_SLO_RUNS_DIR",
        show_envvar=True,
        show_default=True,
        help=f"Where {what} made.",
    )


def make_runs_dir(path: Path) -> None:
    """Make the directory before anything is started; raises click.BadParameter."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be made: {error.strerror}", param_hint="--runs-dir") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise click.BadParameter(f"{path} cannot be written to", param_hint="--runs-dir")


def phases_of(given: dict[str, Any], tier: tiers.Tier) -> Phases:
    """Return the phases that the options and the tier ask for."""
    settle_s, drill_s, recovery_s = (0.0, 0.0, 0.0) if given["no_drill"] else (_SETTLE_S, _DRILL_S, _RECOVERY_S)
    return Phases(given["warmup"], given["duration"] or tier.duration_s, drill_s, recovery_s, settle_s)


def links_of(given: dict[str, Any]) -> Links:
    """Return where alerts and panels lead, as the options `links` say."""
    return Links(given["runbooks_at"], given["grafana_at"])


def rules_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the options `rules` say, by the names under which rules are made with it; raises RuleError."""
    histograms = Histograms.NATIVE if given["native_histograms"] else Histograms.CLASSIC
    return {"alarms": load_alarms(given["alarms"]), "histograms": histograms}


def select(catalogue: Catalogue, names: tuple[str, ...]) -> Catalogue:
    """Return the catalogue with the named objectives only, or whole; raises UnknownObjectiveError."""
    if not names:
        return catalogue
    return Catalogue(tuple(catalogue.objective(name) for name in names), catalogue.services, catalogue.data_sources)
