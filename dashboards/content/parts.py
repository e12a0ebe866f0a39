"""What do several dashboards have in common: variables, annotations, and the panels about an error budget?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction
from typing import Final

from letta_otel.conventions import attributes, metrics

from alerts import names
from alerts.platform.limits import begins_at
from dashboards import exporters
from dashboards.queries import label, series
from dashboards.spec import (
    Annotation,
    Choice,
    Colour,
    Kind,
    Link,
    Panel,
    Query,
    Step,
    ToObjective,
    ToRunbook,
    Unit,
    Variable,
)
from slo.objective import Catalogue, Measure, Objective
from slo.objective import Kind as ObjectiveKind

_ON: Final = f"{names.SLO_LABEL}, {names.SERVICE_LABEL}"
HOUR: Final = timedelta(hours=1)
EVERY_RECORD: Final = "1m"  # how often rules are evaluated

SOURCE: Final = Variable(
    "datasource", "Data source", Choice.DATA_SOURCE, "prometheus", "Which Prometheus is asked: one that has the rules."
)
TRACES: Final = Variable(
    "apm",
    "Traces at",
    Choice.TYPED,
    "https://console.huaweicloud.com/apm2/",
    "Address at which you look at traces; the links of panels lead there.",
)
LOGS: Final = Variable(
    "lts",
    "Logs at",
    Choice.TYPED,
    "https://console.huaweicloud.com/lts/",
    "Address at which you look at logs; the links of panels lead there.",
)
TO_TRACES: Final = Link("Traces (APM)", "${apm:raw}")
TO_LOGS: Final = Link("Logs (LTS)", "${lts:raw}")


def job_and_instance(selector: str) -> tuple[Variable, Variable]:
    """Return the two variables that narrow a dashboard to what exports some series."""
    within = selector.rstrip("}") + ("," if "{" in selector else "{") + 'job=~"$job"}'
    return (
        Variable(
            "job", "Job", Choice.QUERY, f"label_values({selector}, job)", "Which scrape job or service.", has_all=True
        ),
        Variable(
            "instance",
            "Instance",
            Choice.QUERY,
            f"label_values({within}, instance)",
            "Which process of it.",
            has_all=True,
        ),
    )


def happenings(*where: str) -> tuple[Annotation, ...]:
    """Return what is drawn across the panels of every dashboard: starts of processes, drills and outages, pages.

    `where` narrows the starts to those of one dashboard.
    """
    of_target = series(exporters.TARGET_INFO, *where)
    started = f"max by (job, instance) ({series(exporters.PROCESS_START, *where)})"
    # What is sent by OTLP has no time of its start, so it began when it was first seen.
    new = f"{of_target} unless on (job, instance) ({of_target} offset 1m)"
    appeared = f"max by (job, instance) (0 * ({new}) + time())"
    circuit = label(attributes.LETTA_BRIDGE_CIRCUIT)
    is_open = metrics.LETTA_BRIDGE_CIRCUIT_OPEN.prometheus
    firing = series(exporters.ALERTS, 'alertstate="firing"', f'{names.SEVERITY_LABEL}="page"')
    return (
        Annotation(
            "Starts",
            f"1000 * ({started} or {appeared})",
            Colour.PLAIN,
            "{{job}} started",
            "A process began: a deployment, a restart, or a crash. {{instance}}",
            ("job",),
            is_time_in_value=True,
        ),
        Annotation(
            "Drills and outages",
            f"max by ({circuit}) ({is_open}) == 1",
            Colour.WARN,
            f"circuit to {{{{{circuit}}}}} open",
            "The bridge sends nothing there but a trial.",
            (circuit,),
        ),
        Annotation(
            "Pages",
            f"count by (alertname, {names.SLO_LABEL}) ({firing})",
            Colour.BAD,
            f"{{{{alertname}}}} {{{{{names.SLO_LABEL}}}}}",
            "An alert that pages fires.",
            ("alertname", names.SLO_LABEL),
        ),
    )


def at_work(catalogue: Catalogue) -> tuple[Annotation, ...]:
    """Return the mark of planned maintenance, whose events no budget counts; none where the catalogue plans none."""
    if not any(one.maintenance for one in catalogue.objectives):
        return ()
    mark = Annotation(
        "Maintenance",
        f"max by ({names.SLO_LABEL}) ({names.MAINTENANCE}) == 1",
        Colour.GOOD,
        f"maintenance {{{{{names.SLO_LABEL}}}}}",
        "Planned in the catalogue: what happens meanwhile spends no budget.",
        (names.SLO_LABEL,),
    )
    return (mark,)


# What a timeline of alerts shows while none fires, so that silence can be told from a Prometheus that says nothing.
NO_ALERT: Final = (
    f'label_replace(label_replace(vector(0), "alertname", "none", "", ""), "{names.SEVERITY_LABEL}", "alert", "", "")'
)
OF_SERIES: Final = ToObjective("${__field.labels.slo}")

LEFT: Final = (
    Step(None, Colour.BAD),
    Step(Fraction(0), Colour.WARN),
    Step(Fraction(1, 4), Colour.GOOD),
)
# Three days are a weekend; a week is time enough to plan.
SOON: Final = (
    Step(None, Colour.BAD),
    Step(Fraction(3 * 86400), Colour.WARN),
    Step(Fraction(7 * 86400), Colour.GOOD),
)
NONE_ALLOWED: Final = (Step(None, Colour.GOOD), Step(Fraction(1, 1000), Colour.BAD))


def above(warn: Fraction, bad: Fraction | None = None) -> tuple[Step, ...]:
    """Return colours for a number that must not rise."""
    worst = () if bad is None else (Step(bad, Colour.BAD),)
    return (Step(None, Colour.GOOD), Step(warn, Colour.WARN), *worst)


def from_alarm(warn: str, bad: str | None = None) -> tuple[Step, ...]:
    """Return colours that begin where alarms of the platform do, named by those for a ticket and for a page."""
    return above(begins_at(warn), None if bad is None else begins_at(bad))


CPU_BUSY: Final = from_alarm("HostCpuHigh", "HostCpuHighAndSlow")


def over_limit(limit_s: Fraction | None) -> tuple[Step, ...]:
    """Return colours for a time that an objective limits; none without a limit."""
    return () if limit_s is None else (Step(None, Colour.GOOD), Step(limit_s, Colour.BAD))


def limit_s(objectives: Iterable[Objective], operation: str, measure: Measure) -> Fraction | None:
    """Return the shortest limit of an operation that an objective sets, in seconds; None where none does."""
    limits = [
        one.samples.limit_s
        for one in objectives
        if operation in one.samples.operations and one.samples.measure is measure and one.samples.limit_s is not None
    ]
    return min(limits, default=None)


def sli(*where: str) -> str:
    """Return the share of good events over each objective's period: from 1, what was spent of what was allowed."""
    left, promised = series(names.BUDGET_LEFT, *where), series(names.OBJECTIVE, *where)
    return f"clamp(1 - (1 - {left}) * on ({_ON}) (1 - {promised}), 0, 1)"


def lasts(*where: str) -> str:
    """Return for how many seconds a budget lasts at the rate of the last hour; at most for its period."""
    gone, period = series(names.EXHAUSTED_IN, *where), series(names.PERIOD, *where)
    return f"{gone} < on ({_ON}) {period} or {period}"


def never(catalogue: Catalogue) -> tuple[Panel, ...]:
    """Return the panel about what no objective allows even once, none where the catalogue has no such objective."""
    invariants = [one for one in catalogue.objectives if one.kind is ObjectiveKind.INVARIANT]
    broken = " or ".join(
        f'label_replace(sum(increase({one.bad_query}[1h])), "{names.SLO_LABEL}", "{one.name}", "", "")'
        for one in invariants
    )
    panel = Panel(
        "What may never happen",
        Kind.TIMESERIES,
        "Violations within the last hour, of objectives that allow none.",
        queries=(Query(broken, f"{{{{{names.SLO_LABEL}}}}}"),),
        why="They have no budget, so they stand in no other panel.",
        do="Any: the runbook; each violation is a message or a user.",
        unit=Unit.NUMBER,
        no_data="Not counted: the series is absent. Zero would be shown as zero.",
        steps=NONE_ALLOWED,
        links=(ToRunbook("invariant-broken"),),
        every=EVERY_RECORD,
    )
    return (panel,) if invariants else ()


def budgets(service: str) -> tuple[Panel, Panel]:
    """Return what is left of the budgets of one service, and how fast they burn."""
    return (
        Panel(
            "Error budget left",
            Kind.STAT,
            "Of the bad requests that each objective allows in its period, the share that is still to be spent. "
            "Below zero the objective is missed.",
            queries=(
                Query(series(names.BUDGET_LEFT, f'{names.SERVICE_LABEL}="{service}"'), f"{{{{{names.SLO_LABEL}}}}}"),
            ),
            why="It says whether what you look at below is a problem at all.",
            do="Under a quarter: no risky change. Below zero: only what makes it more reliable.",
            unit=Unit.SHARE,
            no_data="No budget is recorded: are the rules loaded?",
            steps=LEFT,
            links=(ToRunbook("error-budget-burn"),),
            series_links=(OF_SERIES,),
            width=12,
            height=6,
            every=EVERY_RECORD,
        ),
        Panel(
            "Burn rate of the last hour",
            Kind.TIMESERIES,
            "How many times faster than allowed the budget is spent. 1 spends exactly the budget of the period.",
            queries=(
                Query(series(names.burn(HOUR), f'{names.SERVICE_LABEL}="{service}"'), f"{{{{{names.SLO_LABEL}}}}}"),
            ),
            why="It rises before a budget is gone, and pages are for it.",
            do="Above 1: look below for which route or model it is. Above 13: somebody is being paged.",
            unit=Unit.NUMBER,
            no_data="No burn rate is recorded: are the rules loaded?",
            steps=above(Fraction(1)),
            series_links=(OF_SERIES,),
            width=12,
            height=6,
            every=EVERY_RECORD,
        ),
    )
