"""What keeps dashboards from being made, or from reaching a Grafana?"""

from __future__ import annotations


class DashboardError(Exception):
    """Something about dashboards is not right; the message says what, where, and what would help."""


class GrafanaRefusedError(DashboardError):
    """A Grafana answered, and said no: a token, a right, or a document that it does not take."""


class GrafanaUnreachableError(DashboardError):
    """A Grafana did not answer, or not as a Grafana does."""
