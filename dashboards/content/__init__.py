"""Which dashboards are there? One module each; `all_dashboards` gives them in the order in which one looks at them."""

from __future__ import annotations

from dashboards.content import bridge, fleet, letta, objective, platform, run, stores
from dashboards.spec import Dashboard
from slo.objective import Catalogue

__all__ = ["all_dashboards"]


def all_dashboards(catalogue: Catalogue) -> tuple[Dashboard, ...]:
    """Return every dashboard of a catalogue, the most general first."""
    makers = (
        fleet.dashboard,
        objective.dashboard,
        letta.dashboard,
        bridge.dashboard,
        stores.dashboard,
        platform.dashboard,
        run.dashboard,
    )
    return tuple(make(catalogue) for make in makers)
