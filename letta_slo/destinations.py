"""`letta-slo apply`, `deployed`, `destroy`: what is rendered, brought to AOM, Grafana or a Prometheus."""

from __future__ import annotations

import click


@click.group(short_help="Bring what is rendered to AOM, Grafana or a Prometheus.")
def apply() -> None:
    """Make a destination as the catalogue says. Shows the plan and changes nothing unless --confirm is given."""


@click.group(short_help="Is what was applied there, as it was applied?")
def deployed() -> None:
    """Read a destination again and say, field by field, what is not as the catalogue says."""


@click.group(short_help="Remove from a destination what is ours.")
def destroy() -> None:
    """Remove what `letta-slo apply` made, and nothing else. Changes nothing unless --confirm is given."""
