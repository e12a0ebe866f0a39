"""Which verbs are there, and how does a command end?"""

from __future__ import annotations

import signal
import sys
from importlib import metadata

import click

from letta_slo import exit_codes
from letta_slo.verbs import Verb, Verbs

_VERBS = {
    "verify": Verb("letta_slo.verify:verify", "Drive a target, judge every objective, write a report."),
    "plan": Verb("letta_slo.plan:plan", "Say what a verdict needs, or what would change at a destination."),
    "gate": Verb("letta_slo.gate:gate", "Judge a stored run again, or production by its counters."),
    "compare": Verb("letta_slo.compare:compare", "Say whether a candidate is worse than a base."),
    "capacity": Verb("letta_slo.capacity:capacity", "Find the highest rate at which every objective is met."),
    "probe": Verb("letta_slo.probe:probe", "Ask a live deployment something every so often."),
    "export": Verb("letta_slo.export:export", "Write a stored run as HdrHistogram logs, for other tools."),
    "render": Verb("letta_slo.render:render", "The catalogue as alert rules and dashboards."),
    "receiver": Verb("letta_slo.receiver:receiver", "What an Alertmanager tells, brought to DingTalk, WeCom and SMN."),
    "lint": Verb("letta_slo.lint:lint", "Find what is wrong with alert rules."),
    "backtest": Verb("letta_slo.backtest:backtest", "What would the alerts have said?"),
    "apply": Verb("letta_slo.destinations:apply", "Bring what is rendered to AOM, Grafana or a Prometheus."),
    "deployed": Verb("letta_slo.destinations:deployed", "Is what was applied there, as it was applied?"),
    "destroy": Verb("letta_slo.destinations:destroy", "Remove from a destination what is ours."),
    "panels": Verb("letta_slo.panels:panels", "Does every panel show something at a Prometheus?"),
    "conformance": Verb("letta_slo.conformance:conformance", "Is the stub of Letta equal to a real one?"),
    "doctor": Verb("letta_slo.doctor:doctor", "Does an account on Huawei Cloud take our telemetry?"),
    "prepare": Verb("letta_slo.prepare:prepare", "Make the agents of a tier on a target, once for many runs."),
    "cleanup": Verb("letta_slo.cleanup:cleanup", "Remove what earlier runs left on a target, and fleets."),
    "testbed": Verb("letta_slo.testbed:testbed", "Start the embedded testbed and keep it."),
}

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


@click.group(
    cls=Verbs,
    verbs=_VERBS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(metadata.version("letta-slo"), package_name="letta-slo")
def cli() -> None:
    """Verify the service level objectives of a Letta server and its Redis bridge, with a verdict to trust."""


class _TerminatedError(BaseException):
    """SIGTERM, as a pipeline or Kubernetes cancels; no KeyboardInterrupt, since click takes those over."""


def _terminate(*_: object) -> None:
    raise _TerminatedError


def main() -> None:
    """Run the command line and end the process with a documented exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = _run()
    except _TerminatedError:
        click.echo("terminated; everything that was started is stopped", err=True)
        code = exit_codes.TERMINATED
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; everything that was started is stopped", err=True)
        code = exit_codes.INTERRUPTED
    sys.exit(code)


def _run() -> int:
    try:
        return cli.main(standalone_mode=False) or exit_codes.MET
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return exit_codes.USAGE
    except click.Abort:
        raise
    except Exception as error:
        from letta_slo.failures import exit_code_of  # noqa: PLC0415 - it imports every room

        code = exit_code_of(error)
        if code is None:
            raise
        click.echo(f"letta-slo: {error}", err=True)
        return code
