"""What are the recorded series, the labels and the alerts called? `level:metric:operation`, as Prometheus advises."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from alerts.lengths import span

SLO_LABEL: Final = "slo"
SERVICE_LABEL: Final = "service"
SEVERITY_LABEL: Final = "severity"
COMPONENT_LABEL: Final = "component"

GROUP_PREFIX: Final = "letta-slo/"

OBJECTIVE: Final = "slo:objective:ratio"
PERIOD: Final = "slo:period:seconds"
MAINTENANCE: Final = "slo:maintenance:active"
CALENDAR_PERIOD: Final = "slo:calendar_period:number_modulo_3"
ERROR_PREFIX: Final = "slo:error_ratio:"
BURN_PREFIX: Final = "slo:burn_rate:"
BUDGET_LEFT: Final = "slo:error_budget_left:ratio"
EXHAUSTED_IN: Final = "slo:error_budget_exhausted_in:seconds"

SPENT_INTRO: Final = "this alert is for "  # before what share of the budget, within which windows: AOM reads it there
BURN: Final = "SloErrorBudgetBurn"
BROKEN: Final = "SloInvariantBroken"
ABSENT: Final = "SloWithoutData"
IMPOSSIBLE: Final = "SloCountsImpossible"


def good(window: timedelta) -> str:
    """Good events a second over a window."""
    return f"slo:good_events:rate{span(window)}"


def total(window: timedelta) -> str:
    """All events a second over a window."""
    return f"slo:total_events:rate{span(window)}"


def in_periods(name: str, number: int) -> str:
    """A rate that is counted in the periods of a calendar with this number, modulo 3, and 0 in the others."""
    return f"{name}_in_periods_{number}"


def bad_count(window: timedelta) -> str:
    """How many events of a window were bad."""
    return f"slo:bad_events:increase{span(window)}"


def error_ratio(window: timedelta) -> str:
    """Which share of the events of a window was bad; 0 of none."""
    return f"{ERROR_PREFIX}rate{span(window)}"


def burn(window: timedelta) -> str:
    """How many times faster than allowed the budget was spent over a window."""
    return f"{BURN_PREFIX}rate{span(window)}"


def objective_group(objective: str) -> str:
    """Group of the rules of an objective."""
    return f"{GROUP_PREFIX}objectives/{objective}"


def platform_group(component: str) -> str:
    """Group of the alarms of a component of the platform."""
    return f"{GROUP_PREFIX}platform/{component}"
