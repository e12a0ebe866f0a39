"""How does one objective stand, how fast does it burn, and where do its bad events come from?"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Final

from letta_otel.conventions import attributes as a
from letta_otel.conventions import metrics as m

from alerts import names, promql
from alerts.lengths import span
from alerts.windows import PAIRS, USUAL
from dashboards import exporters
from dashboards.content import parts
from dashboards.queries import WINDOW, label, series, shares
from dashboards.spec import Choice, Colour, Dashboard, Kind, Panel, Query, Row, Step, ToRunbook, Unit, Variable
from slo.edges import either_spelling
from slo.objective import Catalogue, Objective

_THIS: Final = f'{names.SLO_LABEL}="$slo"'
_NOT_RECORDED: Final = (
    "Nothing is recorded: the rules are not loaded, or this objective allows no violation and has no budget."
)
_HISTOGRAM_PARTS: Final = ("_bucket", "_count", "_sum")
# What tells one event from another, for whoever looks for a cause; the rest is the same on every event.
_TELLING: Final = (
    a.HTTP_REQUEST_METHOD,
    a.HTTP_ROUTE,
    a.HTTP_RESPONSE_STATUS_CODE,
    a.ERROR_TYPE,
    a.LETTA_BRIDGE_ROUTE,
    a.LETTA_BRIDGE_SOURCE,
    a.LETTA_BRIDGE_OUTCOME,
    a.LETTA_BRIDGE_FALLBACK_REASON,
    a.GEN_AI_REQUEST_MODEL,
    a.DB_OPERATION_NAME,
    a.DB_COLLECTION_NAME,
)


def _of(name: str) -> str:
    return series(name, _THIS)


_WINDOWS = sorted({window for pair in PAIRS for window in (pair.long, pair.short)})
# A burn rate that alerts: the share of the budget that the pair allows, over its share of the period. Shorter periods
# have shorter windows, and the rates of the usual one.
_LIMITS = tuple(
    Query(
        f"{float(pair.budget_share):g} * clamp_min({_of(names.PERIOD)}, {round(USUAL.total_seconds())}) "
        f"/ {round(pair.long.total_seconds())}",
        f"{pair.severity.value} above, {span(pair.long)}",
    )
    for pair in PAIRS
)
_GOOD, _TOTAL = (f"{_of(name(parts.HOUR))}" for name in (names.good, names.total))
_BURNING: Final = (
    Panel(
        "Good events, and what is promised",
        Kind.TIMESERIES,
        "Share of good events within an hour. An hour without events has none.",
        queries=(
            Query(f"clamp_max({_GOOD} / ({_TOTAL} > 0), 1)", "good, within 1 h"),
            Query(_of(names.OBJECTIVE), "promised"),
        ),
        why="A budget is an average of weeks; this is what users meet.",
        do="Since when is it below? The marks say what began then.",
        unit=Unit.SHARE,
        no_data=_NOT_RECORDED,
        links=(parts.TO_LOGS,),
        every=parts.EVERY_RECORD,
    ),
    Panel(
        "Burn rate by window",
        Kind.TIMESERIES,
        "How many times faster than allowed the budget is spent, over each window, and above which rate alerts "
        "come. An alert needs its long window and its short one.",
        queries=(*(Query(_of(names.burn(window)), span(window)) for window in _WINDOWS), *_LIMITS),
        why="It shows an alert before it comes, and why one does not end.",
        do="Short windows above long ones: it is getting worse. Below: it is ending.",
        unit=Unit.NUMBER,
        no_data=_NOT_RECORDED,
        links=(ToRunbook("error-budget-burn"),),
        every=parts.EVERY_RECORD,
    ),
    Panel(
        "Error budget left",
        Kind.TIMESERIES,
        "What is left of the budget of the period.",
        queries=(Query(_of(names.BUDGET_LEFT), "left"),),
        why="Steps are incidents, slopes are decay.",
        do="A slope that no alert saw: many small failures; see the events below.",
        unit=Unit.SHARE,
        no_data=_NOT_RECORDED,
        steps=(Step(None, Colour.BAD), Step(Fraction(0), Colour.GOOD)),
        every=parts.EVERY_RECORD,
    ),
)


def dashboard(catalogue: Catalogue) -> Dashboard:
    """Return the dashboard of one objective, chosen by the variable `slo`."""
    objectives = shares(catalogue.objectives)
    return Dashboard(
        "objective",
        "One objective",
        "What was promised, what is left of the error budget, how fast it burns, and which events are the bad ones.",
        (
            Row("Now", _now()),
            Row("Budget and burn rate", _BURNING),
            Row("Events", (*_events(objectives), *parts.never(catalogue))),
        ),
        (
            parts.SOURCE,
            Variable(
                "slo",
                "Objective",
                Choice.QUERY,
                f"label_values({names.OBJECTIVE}, {names.SLO_LABEL})",
                "Which objective of the catalogue.",
                first=objectives[0].name if objectives else "",
            ),
            parts.TRACES,
            parts.LOGS,
        ),
        (*parts.happenings(), *parts.at_work(catalogue)),
        span="now-24h",
    )


def _now() -> tuple[Panel, ...]:
    firing = series(exporters.ALERTS, 'alertstate="firing"', _THIS)
    given: tuple[tuple[str, str, str, Unit, tuple[Step, ...], str, str], ...] = (
        ("Promised", _of(names.OBJECTIVE), "The share of good events that the catalogue promises.", Unit.SHARE, (),
         "All colours below are held against it.", "Wrong? Change the catalogue, in one place, and render again."),
        ("Good, over the period", parts.sli(_THIS), "The share of good events in the objective's period.",
         Unit.SHARE, (),
         "It is what was promised, as it is.", "Below the promise the objective is missed, and only time mends that."),
        ("Budget left", _of(names.BUDGET_LEFT), "Of the bad events that are allowed in the period, what is left.",
         Unit.SHARE, parts.LEFT, "It says how much risk is left to take.",
         "Under a quarter: no risky change. Below zero: only what makes it more reliable."),
        ("Gone in", parts.lasts(_THIS), "How long what is left lasts at the rate of the last hour, at most its period.",
         Unit.SECONDS, parts.SOON,
         "It says by when somebody has to act.", "Less than a night: act now. The whole period: nothing burns."),
        ("Bad, within 6 h", _of(names.bad_count(timedelta(hours=6))), "How many events of the last six hours were bad.",
         Unit.NUMBER, (), "Rates of few events frighten without need.",
         "Fewer than five: no alert counts them; look at each."),
        ("Alerts", f"count({firing}) or 0 * max({_of(names.OBJECTIVE)})", "Alerts of this objective that fire.",
         Unit.NUMBER, parts.NONE_ALLOWED, "An alert may fire that nobody saw.",
         "The runbook of the alert, and its description."),
    )  # fmt: skip
    return tuple(
        Panel(
            title,
            Kind.STAT,
            what,
            queries=(Query(expression, title),),
            why=why,
            do=do,
            unit=unit,
            no_data=_NOT_RECORDED,
            decimals={"Promised": 2, "Good, over the period": 3, "Budget left": 1}.get(title),
            steps=steps,
            links=(ToRunbook("error-budget-burn"),) if title == "Alerts" else (),
            width=4,
            height=5,
            every=parts.EVERY_RECORD,
        )
        for title, expression, what, unit, steps, why, do in given
    )


def _events(objectives: list[Objective]) -> tuple[Panel, ...]:
    total, good = (f"{_of(name(timedelta(minutes=5)))}" for name in (names.total, names.good))
    all_by = _chosen(objectives, "total_query")
    good_by = _chosen(objectives, "good_query")
    return (
        Panel(
            "Good and bad events",
            Kind.TIMESERIES,
            "Events a second over five minutes.",
            queries=(Query(good, "good"), Query(f"clamp_min({total} - {good}, 0)", "bad")),
            why="A share falls when bad events come, and also when good ones stay away.",
            do="Good ones gone and no bad ones: the load has changed, not the service.",
            unit=Unit.EVENTS_A_SECOND,
            no_data=_NOT_RECORDED,
            is_stacked=True,
            every=parts.EVERY_RECORD,
        ),
        *(
            Panel(
                title,
                Kind.TIMESERIES,
                what,
                queries=(Query(expression, "__auto"),),
                why="The cause has a route, a status, a source or a model.",
                do="Find what is among all events and not among the good ones, and look at its traces.",
                unit=Unit.EVENTS_A_SECOND,
                no_data="No such event in this range, or an objective with queries of its own.",
                is_stacked=True,
                links=(parts.TO_TRACES, parts.TO_LOGS),
            )
            for title, what, expression in (
                ("All events, by what they were", "Events a second of the query that counts all.", all_by),
                ("Good events, by what they were", "Events a second of the query that counts the good ones.", good_by),
            )
            if expression
        ),
    )


def _chosen(objectives: list[Objective], which: str) -> str:
    """Return one expression with the events of the chosen objective: those of all the others are held back."""
    parts_ = []
    for one in objectives:
        query = getattr(one, which)
        by = ", ".join(_labels_of(query))
        grouped = f"sum by ({by})" if by else "sum"
        is_chosen = series(names.OBJECTIVE, _THIS, f'{names.SLO_LABEL}="{one.name}"')
        parts_.append(f"({grouped} (rate({either_spelling(query)}[{WINDOW}])) and on () {is_chosen})")
    return "\nor\n".join(parts_)


def _labels_of(query: str) -> list[str]:
    """Return the telling labels of what a selector reads; none for a metric that is not ours."""
    (selector,) = promql.selectors(query)
    base = selector.metric
    for part in _HISTOGRAM_PARTS:
        base = base.removesuffix(part)
    known = next((one for one in m.ALL.values() if one.prometheus in (base, selector.metric)), None)
    return [] if known is None else [label(one) for one in _TELLING if one in known.attributes]
