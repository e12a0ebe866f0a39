"""How do all objectives stand, the worst first?"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Final

from alerts import names
from dashboards import exporters
from dashboards.content import parts
from dashboards.queries import series
from dashboards.spec import (
    Colour,
    Column,
    Dashboard,
    Kind,
    Panel,
    Query,
    Row,
    Step,
    ToDashboard,
    ToObjective,
    ToRunbook,
    Unit,
)
from slo.objective import Catalogue, Phase

_ON: Final = f"{names.SLO_LABEL}, {names.SERVICE_LABEL}"
_FIRING: Final = 'alertstate="firing"'
_EACH: Final = f"{{{{{names.SLO_LABEL}}}}}"


_LEFT = names.BUDGET_LEFT
_PAGE = series(exporters.ALERTS, _FIRING, f'{names.SEVERITY_LABEL}="page"')
_TICKET = series(exporters.ALERTS, _FIRING, f'{names.SEVERITY_LABEL}="ticket"')
_COUNTS: Final = (
    Panel(
        "Objectives",
        Kind.STAT,
        "How many objectives with a budget are watched.",
        queries=(Query(f"count({names.OBJECTIVE})", "objectives"),),
        why="None means that the rules are not loaded, and that every other number here says nothing.",
        do="None, or fewer than the catalogue has: load the rendered rules into this Prometheus.",
        unit=Unit.NUMBER,
        no_data="none: are the rules loaded?",
        every=parts.EVERY_RECORD,
        width=4,
        height=4,
    ),
    Panel(
        "Missed",
        Kind.STAT,
        "Objectives whose budget is spent.",
        queries=(Query(f"count({_LEFT} < 0) or 0 * count({names.OBJECTIVE})", "missed"),),
        why="A promise is broken, whatever the service does now.",
        do="Open the objective below. Change nothing risky until the budget is back.",
        unit=Unit.NUMBER,
        no_data="not known: are the rules loaded?",
        steps=parts.NONE_ALLOWED,
        every=parts.EVERY_RECORD,
        width=4,
        height=4,
    ),
    Panel(
        "Burning too fast",
        Kind.STAT,
        "Objectives that spend their budget faster than over their period, within the last hour.",
        queries=(Query(f"count({names.burn(parts.HOUR)} > 1) or 0 * count({names.OBJECTIVE})", "burning"),),
        why="They will be missed if this goes on.",
        do="See below when the budget is gone; the service's own dashboard says why.",
        unit=Unit.NUMBER,
        no_data="not known: are the rules loaded?",
        steps=parts.above(Fraction(1)),
        every=parts.EVERY_RECORD,
        width=4,
        height=4,
    ),
    *(
        Panel(
            title,
            Kind.STAT,
            f"Alerts that fire and are for {whom}, those of the platform among them.",
            queries=(Query(f"count({selector}) or vector(0)", name),),
            why="Each is somebody's work now.",
            do="See below which; each links to its runbook.",
            unit=Unit.NUMBER,
            no_data="not known: this Prometheus does not answer",
            steps=parts.NONE_ALLOWED if name == "pages" else parts.above(Fraction(1)),
            every=parts.EVERY_RECORD,
            width=4,
            height=4,
        )
        for title, name, selector, whom in (
            ("Pages", "pages", _PAGE, "somebody at once"),
            ("Tickets", "tickets", _TICKET, "somebody in working hours"),
        )
    ),
)


_TOLD = series(exporters.ALERTS, _FIRING, f'{names.SEVERITY_LABEL}!="none"')
_ALERTS = f"count by (alertname, {names.SEVERITY_LABEL}) ({_TOLD})"
_OVER_TIME: Final = (
    Panel(
        "Error budget left",
        Kind.TIMESERIES,
        "What was left of each budget at that time.",
        queries=(Query(names.BUDGET_LEFT, _EACH),),
        why="It tells one bad hour from slow decay.",
        do="A step: what happened then? See the marks. A slope: the objective's own dashboard.",
        unit=Unit.SHARE,
        no_data="No budget is recorded: are the rules loaded?",
        steps=(Step(None, Colour.BAD), Step(Fraction(0), Colour.GOOD)),
        series_links=(parts.OF_SERIES,),
        every=parts.EVERY_RECORD,
    ),
    Panel(
        "Alerts",
        Kind.STATES,
        "Which alerts fired when, and for how many objectives or targets each.",
        queries=(Query(f"{_ALERTS} or on () {parts.NO_ALERT}", f"{{{{alertname}}}} ({{{{{names.SEVERITY_LABEL}}}}})"),),
        why="What fires together often has one cause.",
        do="Begin with the first that fired.",
        unit=Unit.NUMBER,
        no_data="This Prometheus does not answer.",
        steps=parts.NONE_ALLOWED,
        links=(ToDashboard("platform", "Platform"),),
        every=parts.EVERY_RECORD,
    ),
)


def dashboard(catalogue: Catalogue) -> Dashboard:
    """Return the dashboard of all objectives."""
    return Dashboard(
        "fleet",
        "Objectives",
        "Which objective needs somebody? Sorted by what is left of its error budget.",
        (
            Row("Now", (*_COUNTS, _without_data(catalogue))),
            Row("Objectives, the worst first", (_table(),)),
            Row("Over time", (*_OVER_TIME, *parts.never(catalogue))),
        ),
        (parts.SOURCE, parts.TRACES, parts.LOGS),
        (*parts.happenings(), *parts.at_work(catalogue)),
        span="now-24h",
    )


def _table() -> Panel:
    of_objectives = series(exporters.ALERTS, _FIRING, f'{names.SLO_LABEL}!=""')
    firing = f"count by ({_ON}) ({of_objectives})"
    return Panel(
        "Each objective",
        Kind.TABLE,
        "What was promised, the share of good events over the period, what is left of the error budget, how fast it "
        "burns, when it is gone at the rate of the last hour (at most its period), and how many alerts fire.",
        queries=tuple(
            Query(f"max by ({_ON}) ({expression})")
            for expression in (
                names.OBJECTIVE,
                parts.sli(),
                names.BUDGET_LEFT,
                names.burn(parts.HOUR),
                names.burn(timedelta(hours=6)),
                parts.lasts(),
                f"{firing} and on ({_ON}) {names.OBJECTIVE} or 0 * {names.OBJECTIVE}",
            )
        ),
        why="It is the order in which to work.",
        do="Open the first one that is not green.",
        unit=Unit.NUMBER,
        no_data="No objective is recorded: load the rendered rules into this Prometheus.",
        width=24,
        height=10,
        sorted_by="Budget left",
        columns=(
            Column(
                "Objective",
                names.SLO_LABEL,
                link=ToObjective("${__value.raw}"),
            ),
            Column("Service", names.SERVICE_LABEL),
            Column("Promised", 0, Unit.SHARE, decimals=2),
            Column("Good, over the period", 1, Unit.SHARE, decimals=3),
            Column("Budget left", 2, Unit.SHARE, parts.LEFT, decimals=1),
            Column("Burn, 1 h", 3, Unit.NUMBER, parts.above(Fraction(1), Fraction(6))),
            Column("Burn, 6 h", 4, Unit.NUMBER, parts.above(Fraction(1), Fraction(6))),
            Column("Gone in", 5, Unit.SECONDS, parts.SOON),
            Column("Alerts", 6, Unit.NUMBER, parts.NONE_ALLOWED),
        ),
        every=parts.EVERY_RECORD,
    )


def _without_data(catalogue: Catalogue) -> Panel:
    # Of the fallback nothing is known while all is well.
    idle = [one.name for one in catalogue.objectives if Phase.STEADY not in one.samples.phases]
    watched = series(names.OBJECTIVE, f'{names.SLO_LABEL}!~"{"|".join(idle)}"') if idle else names.OBJECTIVE
    total = names.total(parts.HOUR)
    return Panel(
        "Without data",
        Kind.STAT,
        "Objectives whose series are absent. One that is there and counts nothing is silent, and not counted here.",
        queries=(
            Query(
                f"count({watched} unless on ({names.SLO_LABEL}) {total}) or 0 * count({names.OBJECTIVE})",
                "without data",
            ),
        ),
        why="What nobody counts cannot burn, and looks well.",
        do="See the runbook: a scrape that fails, a metric that was renamed, or a service that is off.",
        unit=Unit.NUMBER,
        no_data="not known: are the rules loaded?",
        steps=parts.NONE_ALLOWED,
        links=(ToRunbook("without-data"),),
        every=parts.EVERY_RECORD,
        width=4,
        height=4,
    )
