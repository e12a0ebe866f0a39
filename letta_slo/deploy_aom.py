"""`letta-slo plan aom`, `apply aom`, `deployed aom`, `destroy aom`: alarms of the catalogue in an account's AOM."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from alerts.aom import planning, reading
from alerts.aom.applying import Account, account_of
from alerts.aom.calls import Cloud
from alerts.aom.deployment import Deployment
from alerts.aom.desired import desired
from alerts.aom.notification import try_it
from alerts.aom.planning import Step
from alerts.rendering import every_group
from letta_slo import aom_shown, exit_codes, options
from slo.catalog import load

_deployment = click.option(
    "--deployment",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="YAML file that describes the account and whom alarms reach; alerts/aom/example.yaml is one.",
)
_asked = options.together(_deployment, options.catalog_dir, options.links, options.rules)


@click.command("aom", epilog=options.epilog("  letta-slo plan aom --deployment aom.yaml"))
@_asked
@options.output()
def plan_aom(**given: Any) -> int:
    """Say, field by field, what `letta-slo apply aom` would change in the account; change nothing.

    Exit code 0: this could be applied; 3: the name of something is taken by what is not ours. Whether all is as it was
    applied is what `letta-slo deployed aom` says by its exit code.
    """
    steps, deployment, _ = _plan(given)
    aom_shown.plan(steps, deployment, as_json=given["output"] == "json")
    return exit_codes.MISSED if planning.conflicts(steps) else exit_codes.MET


@click.command("aom", epilog=options.epilog("  letta-slo apply aom --deployment aom.yaml --confirm"))
@_asked
@options.confirm
def apply_aom(**given: Any) -> int:
    """Make the alarms in the account as the catalogue and the deployment file say, and read each back.

    Only what bears our mark is changed or removed. What was begun and not finished is finished by the next apply.
    """
    steps, deployment, account = _plan(given)
    aom_shown.plan(steps, deployment)
    if planning.conflicts(steps):
        click.echo("nothing was changed: the names above are taken by what is not ours", err=True)
        return exit_codes.MISSED
    return _take(account, steps, confirmed=given["confirm"])


@click.command(
    "aom",
    epilog=options.epilog("""
  letta-slo deployed aom --deployment aom.yaml
  letta-slo deployed aom --deployment aom.yaml --notify
"""),
)
@_asked
@click.option(
    "--notify", is_flag=True, help="Push one test event into AOM, and look whether it arrives and who is told."
)
@click.option(
    "--wait",
    "wait_s",
    type=options.FiniteRange(min=1),
    default=60,
    show_default=True,
    help="Seconds that the test event has until it is seen.",
)
@options.output()
def deployed_aom(**given: Any) -> int:
    """Read the account again: is everything there, as it was applied, and unchanged by hand?

    Exit code 0: it is; 3: something is not, which is shown field by field, or the test event was not seen.
    """
    steps, deployment, _ = _plan(given)
    aom_shown.plan(steps, deployment, as_json=given["output"] == "json")
    is_right = planning.is_as_it_should_be(steps)
    if given["notify"]:
        is_right = _notify(deployment, given["wait_s"]) and is_right
    return exit_codes.MET if is_right else exit_codes.MISSED


@click.command("aom", epilog=options.epilog("  letta-slo destroy aom --deployment aom.yaml --confirm"))
@_deployment
@click.option("--with-logs", is_flag=True, help="Remove groups and streams of logs as well, with the logs in them.")
@options.confirm
def destroy_aom(**given: Any) -> int:
    """Remove from the account what bears the mark of this deployment's prefix, and nothing else.

    What somebody else's rules still need stays, and is named.
    """
    deployment = reading.load(given["deployment"])
    account = account_of(Cloud(deployment, os.environ), deployment)
    steps = planning.removal(account.read(), deployment.prefix, with_logs=given["with_logs"])
    aom_shown.plan(steps, deployment)
    return _take(account, steps, confirmed=given["confirm"])


def _plan(given: dict[str, Any]) -> tuple[list[Step], Deployment, Account]:
    deployment = reading.load(given["deployment"])
    links = options.links_of(given)
    groups = every_group(load(given["catalog"]), links, **options.rules_of(given))
    wanted = desired(groups, deployment, links)
    account = account_of(Cloud(deployment, os.environ), deployment)
    return planning.plan(wanted, account.read(), deployment.prefix), deployment, account


def _take(account: Account, steps: Sequence[Step], *, confirmed: bool) -> int:
    if not any(one.does_something for one in steps):
        return exit_codes.MET
    if not confirmed:
        click.echo("nothing was changed: --confirm does it", err=True)
        return exit_codes.MET
    outcome = account.apply(steps, say=lambda text: click.echo(text, err=True))
    aom_shown.outcome(outcome)
    if outcome.error is not None:
        raise outcome.error
    return exit_codes.MISSED if outcome.differs else exit_codes.MET


def _notify(deployment: Deployment, wait_s: float) -> bool:
    found = try_it(Cloud(deployment, os.environ), deployment, wait_s=wait_s)
    click.echo(f"test event {found.name}: {found.said}", err=True)
    return found.has_arrived
