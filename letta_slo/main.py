"""Which verbs are there, and which exit code does each kind of error become?"""

from __future__ import annotations

import signal
import sys
from importlib import metadata

import click

from alerts.aom.errors import DeploymentError, RefusedError, RejectedError, UnreachableError
from alerts.errors import RuleError, SettingsError
from dashboards.errors import DashboardError, GrafanaRefusedError, GrafanaUnreachableError
from huawei.errors import AccountError
from letta_slo import (
    deploy_aom,  # noqa: F401 - its commands join the groups below
    deploy_grafana,  # noqa: F401 - its commands join the groups below
    deploy_prometheus,  # noqa: F401 - its commands join the groups below
    exit_codes,
)
from letta_slo.backtest import backtest
from letta_slo.capacity import capacity
from letta_slo.cleanup import cleanup
from letta_slo.compare import compare
from letta_slo.conformance import conformance
from letta_slo.destinations import apply, deployed, destroy
from letta_slo.doctor import doctor
from letta_slo.drive import DriveError
from letta_slo.export import export
from letta_slo.gate import gate
from letta_slo.lint import lint
from letta_slo.panels import panels
from letta_slo.plan import plan
from letta_slo.prepare import prepare
from letta_slo.probe import probe
from letta_slo.receiver import receiver
from letta_slo.render import render
from letta_slo.testbed import testbed
from letta_slo.verify import verify
from loadgen.fleet import FleetError
from loadgen.guard import GuardError
from loadgen.run_folder import RunFolderError
from loadgen.target import TargetError
from loadgen.tiers import TierError
from production.errors import PrometheusError, QueryError
from slo.errors import SloError
from testbed.process import PartError

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (SloError, exit_codes.USAGE),
    (AccountError, exit_codes.USAGE),
    (RuleError, exit_codes.USAGE),
    (DeploymentError, exit_codes.USAGE),
    (RefusedError, exit_codes.USAGE),
    (RejectedError, exit_codes.MISSED),
    (UnreachableError, exit_codes.TARGET_UNREACHABLE),
    (GrafanaUnreachableError, exit_codes.TARGET_UNREACHABLE),
    (GrafanaRefusedError, exit_codes.USAGE),
    (SettingsError, exit_codes.USAGE),
    (DashboardError, exit_codes.USAGE),
    (GuardError, exit_codes.USAGE),
    (FleetError, exit_codes.USAGE),
    (TierError, exit_codes.USAGE),
    (RunFolderError, exit_codes.USAGE),
    (TargetError, exit_codes.TARGET_UNREACHABLE),
    (QueryError, exit_codes.USAGE),
    (PrometheusError, exit_codes.TARGET_UNREACHABLE),
    (PartError, exit_codes.TARGET_UNREACHABLE),
    (DriveError, exit_codes.INVALID_RUN),
)

_EPILOG = """\b
Examples:
  letta-slo verify                                        the embedded testbed, a few minutes
  letta-slo verify --letta-url http://10.0.0.5:8283       your own server
  letta-slo plan --tier small                             how many requests a verdict needs
  letta-slo prepare --letta-url http://10.0.0.5:8283 --tier medium    1,000 agents, once for many runs
  letta-slo gate runs/20261121-101500-ab12                judge a stored run again
  letta-slo gate --prometheus http://10.0.0.9:9090 --from 6h    judge production
  letta-slo compare runs/A runs/B                         is B worse than A?
  letta-slo capacity --scenario message                   the highest rate at which every objective is met
  letta-slo render --out rules                            alert rules, dashboards, and how they reach people
  letta-slo backtest --only bridge-success                when would its alerts have paged?
  letta-slo plan prometheus --prometheus http://10.0.0.9:9090    what would change there? (also: aom, grafana)
  letta-slo panels --prometheus http://10.0.0.9:9090      does every panel show something?
  letta-slo plan aom --deployment aom.yaml                what would change in AOM?
  letta-slo doctor                                        does Huawei Cloud take our telemetry?
  letta-slo conformance                                   is the stub equal to a real Letta 0.16.4?

\b
Exit codes:
""" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in exit_codes.MEANINGS.items())


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(metadata.version("letta-slo"), package_name="letta-slo")
def cli() -> None:
    """Verify the service level objectives of a Letta server and its Redis bridge, with a verdict to trust."""


for _verb in (
    verify,
    plan,
    gate,
    compare,
    capacity,
    probe,
    export,
    render,
    receiver,
    lint,
    backtest,
    apply,
    deployed,
    destroy,
    panels,
    conformance,
    doctor,
    prepare,
    cleanup,
    testbed,
):
    cli.add_command(_verb)


def exit_code_of(error: BaseException) -> int | None:
    """Return the exit code that an error of ours becomes, None for one that nobody has foreseen."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


class _TerminatedError(BaseException):
    """SIGTERM, as a pipeline or Kubernetes cancels; no KeyboardInterrupt, since click takes those over."""


def _terminate(*_: object) -> None:
    raise _TerminatedError


def main() -> None:
    """Run the command line and end the process with a documented exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        error.show()
        code = exit_codes.USAGE
    except _TerminatedError:
        click.echo("terminated; everything that was started is stopped", err=True)
        code = exit_codes.TERMINATED
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; everything that was started is stopped", err=True)
        code = exit_codes.INTERRUPTED
    except tuple(kind for kind, _ in _CODES) as error:
        click.echo(f"letta-slo: {error}", err=True)
        code = exit_code_of(error)
    sys.exit(code or 0)
