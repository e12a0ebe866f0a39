"""`letta-slo apply`, `deployed`, `destroy`: what is rendered, brought to AOM, Grafana or a Prometheus."""

from __future__ import annotations

import click

from letta_slo.verbs import Verb, Verbs


def at_each(what: str) -> dict[str, Verb]:
    """Return the commands that do `what` at each destination."""
    return {
        "aom": Verb(f"letta_slo.deploy_aom:{what}_aom", "Alarms, notification and logs in an account on Huawei Cloud."),
        "grafana": Verb(f"letta_slo.deploy_grafana:{what}_grafana", "Dashboards in a Grafana."),
        "prometheus": Verb(f"letta_slo.deploy_prometheus:{what}_prometheus", "Rules in a Prometheus."),
    }


@click.group(cls=Verbs, verbs=at_each("apply"))
def apply() -> None:
    """Make a destination as the catalogue says. Shows the plan and changes nothing unless --confirm is given."""


@click.group(cls=Verbs, verbs=at_each("deployed"))
def deployed() -> None:
    """Read a destination again and say, field by field, what is not as the catalogue says."""


@click.group(cls=Verbs, verbs=at_each("destroy"))
def destroy() -> None:
    """Remove what `letta-slo apply` made, and nothing else. Changes nothing unless --confirm is given."""
