"""Which rules does an objective become? Good and total recorded by window, divided last; alerts over pairs of windows.

No division can give NaN: a window without an event has a burn rate of 0. A share is never recorded and averaged again,
so an idle night does not count as much as a busy day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final

from alerts import names
from alerts.clock import in_maintenance, period_number
from alerts.counting import Histograms, counted, there
from alerts.lengths import span
from alerts.links import Links
from alerts.windows import (
    FEWEST_BAD,
    FEWEST_BAD_OF_LATE,
    QUIET_BELOW,
    QUIET_DAY_BELOW,
    QUIET_LONG,
    SHORTEST,
    Pair,
    Severity,
    all_windows,
    check_fireable,
    long_windows,
    of_severity,
)
from slo.objective import Catalogue, Kind, Objective, Phase

Rule = dict[str, Any]

_SMALLEST: Final = "1e-9"  # events a second; one in 28 days is 4e-7
ABSENT_FOR: Final = timedelta(minutes=10)
IMPOSSIBLE_FOR: Final = timedelta(minutes=15)
_TOO_MANY: Final = Fraction(101, 100)  # scrapes of two counters are never of one moment
LOSS_SEEN_FOR: Final = timedelta(minutes=10)
_DASHBOARD: Final = "objective"


def groups(catalogue: Catalogue, links: Links, histograms: Histograms = Histograms.CLASSIC) -> list[dict[str, Any]]:
    """Return the rule groups of a catalogue, one an objective; raises RuleError."""
    check_fireable(one for one in catalogue.objectives if one.kind is Kind.SHARE)
    return [
        {"name": names.objective_group(one.name), "rules": list(_rules(one, links, histograms))}
        for one in catalogue.objectives
    ]


def _rules(one: Objective, links: Links, histograms: Histograms) -> Iterator[Rule]:
    if one.kind is Kind.INVARIANT:
        yield _broken(one, links)
    else:
        yield from _records(one, histograms)
        yield from (_burning(one, severity, links) for severity in Severity)
        yield _impossible(one, links)
    if has_absence(one):
        yield _absent(one, links, histograms)


def has_absence(one: Objective) -> bool:
    """Whether anybody is told that an objective has no data: of a fallback nothing is known while all is well."""
    return Phase.STEADY in one.samples.phases


def _records(one: Objective, histograms: Histograms) -> Iterator[Rule]:
    if one.maintenance:
        yield _record(one, names.MAINTENANCE, in_maintenance(one.maintenance))
    yield from _rates(one, histograms)
    for window in all_windows(one.period):
        yield from _ratios(one, window)
    for window in long_windows(one.period):
        bad = f"clamp_min({_of(one, names.total(window))} - {_of(one, names.good(window))}, 0)"
        yield _record(one, names.bad_count(window), f"{bad} * {round(window.total_seconds())}")
    yield from _of_period(one)
    yield from _ratios(one, one.period)
    yield _record(one, names.BUDGET_LEFT, f"1 - {_of(one, names.burn(one.period))}")
    left = f"clamp_min({_of(one, names.BUDGET_LEFT)}, 0) * {round(one.period.total_seconds())}"
    fastest = of_severity(Severity.PAGE)[0].long
    yield _record(one, names.EXHAUSTED_IN, f"{left} / clamp_min({_of(one, names.burn(fastest))}, {_SMALLEST})")
    yield _record(one, names.OBJECTIVE, f"vector({number(one.target or Fraction(0))})")
    yield _record(one, names.PERIOD, f"vector({round(one.period.total_seconds())})")


def _rates(one: Objective, histograms: Histograms) -> Iterator[Rule]:
    """Good and total by window: from the counters, or, without maintenance, from the rates of the shortest window."""
    for window in all_windows(one.period):
        # Before the first good event there is no series of it, and that is none good, not nothing known.
        none = f"0 * {_of(one, names.total(window))}"
        total = counted(one, one.total_query or "", window, histograms)
        good = f"{counted(one, one.good_query or '', window, histograms)} or on () {none}"
        if one.maintenance and window == SHORTEST:
            # A rate looks back over its window, so what came in the maintenance is out of it one window later.
            at_work = f"(1 - max_over_time({_of(one, names.MAINTENANCE)}[{span(SHORTEST)}]))"
            total, good = f"{total} * on () {at_work}", f"({good}) * on () {at_work}"
        elif one.maintenance:
            total, good = (_averaged(one, name(SHORTEST), window) for name in (names.total, names.good))
        yield _record(one, names.total(window), total)
        yield _record(one, names.good(window), good)


def _of_period(one: Objective) -> Iterator[Rule]:
    """Good and total of the period: averaged over its length, or, of a calendar's, over what of it is past.

    PromQL has no window that begins on the first of a month. So rates are recorded apart for periods with the number 0,
    1 and 2 modulo 3: no time as long as the longest period touches more than three that follow each other.
    """
    if one.calendar is None:
        for name in (names.total, names.good):
            yield _record(one, name(one.period), _averaged(one, name(SHORTEST), one.period))
        return
    now = _of(one, names.CALENDAR_PERIOD)
    yield _record(one, names.CALENDAR_PERIOD, period_number(one.calendar))
    for name in (names.total, names.good):
        parts = []
        for number in range(3):
            apart = names.in_periods(name(SHORTEST), number)
            yield _record(one, apart, f"{_of(one, name(SHORTEST))} * ({now} == bool {number})")
            parts.append(f"{_averaged(one, apart, one.period)} * ({now} == bool {number})")
        yield _record(one, name(one.period), " + ".join(parts))


def _averaged(one: Objective, name: str, window: timedelta) -> str:
    return f"avg_over_time({_of(one, name)}[{span(window)}])"


def _ratios(one: Objective, window: timedelta) -> Iterator[Rule]:
    total, good = _of(one, names.total(window)), _of(one, names.good(window))
    bad = f"clamp_min({total} - {good}, 0) / clamp_min({total}, {_SMALLEST})"
    yield _record(one, names.error_ratio(window), bad)
    burn = f"{_of(one, names.error_ratio(window))} / {number(one.allowed_bad_share)}"
    yield _record(one, names.burn(window), burn)


def _burning(one: Objective, severity: Severity, links: Links) -> Rule:
    pairs = of_severity(severity, one.period)
    parts = [_both_burn(one, pair.long, pair.short, pair.burn_rate(one.period)) for pair in pairs]
    if severity is Severity.PAGE:
        parts.append(_quietly(one, pairs[-1]))
    expression = "\nor\n".join(f"(\n  {part}\n)" for part in parts)
    return _alert(
        one,
        names.BURN,
        expression,
        severity,
        summary=f"{one.title}: the error budget burns {{{{ $value | humanize }}}} times faster than it may",
        description=(
            f"{_sentence(one)} {_shares(one, pairs)} At the rate of the last hour what is left of the budget of "
            f"{span(one.period)} lasts for {_asked(one, names.EXHAUSTED_IN, 'humanizeDuration')}; "
            f"{_asked(one, names.BUDGET_LEFT, 'humanizePercentage')} of it is left."
        ),
        runbook=links.runbook("error-budget-burn"),
        dashboard=links.dashboard(_DASHBOARD, slo=one.name),
    )


def _quietly(one: Objective, slower: Pair) -> str:
    """The page of a service with few events: over its last day, which is quiet, too, and more than once of late.

    Or one failure in the evening would page for an incident of the morning.
    """
    fewest = ((slower.long, QUIET_BELOW), (QUIET_LONG, QUIET_DAY_BELOW))
    few = [f"{_of(one, names.total(window))} * {round(window.total_seconds())} < {most}" for window, most in fewest]
    again = f"{_of(one, names.bad_count(slower.long))} >= {FEWEST_BAD_OF_LATE}"
    return "\n  and ".join([_both_burn(one, QUIET_LONG, slower.long, slower.burn_rate(one.period)), *few, again])


def _both_burn(one: Objective, long: timedelta, short: timedelta, rate: Fraction) -> str:
    return (
        f"{_of(one, names.burn(long))} > {number(rate)}\n"
        f"  and {_of(one, names.burn(short))} > {number(rate)}\n"
        f"  and {_of(one, names.bad_count(long))} >= {_enough(one)}"
    )


def _enough(one: Objective) -> str:
    """How many bad events an alert needs: besides the fewest, as many as are not judged yet, and look bad so far."""
    if one.in_flight_query is None:
        return str(FEWEST_BAD)
    return f"on () group_left () ({FEWEST_BAD} + (sum({one.in_flight_query}) or vector(0)))"


def _shares(one: Objective, pairs: tuple[Pair, ...]) -> str:
    spent = " or ".join(f"{float(pair.budget_share):.0%} of the budget within {span(pair.long)}" for pair in pairs)
    return f"Allowed are {number(100 * one.allowed_bad_share)} % of requests; {names.SPENT_INTRO}{spent}."


def _broken(one: Objective, links: Links) -> Rule:
    window = span(LOSS_SEEN_FOR)
    # A series that begins above zero has counted what increase() cannot see; one that was away for a while has not.
    is_new = f"sum({one.bad_query} unless last_over_time({one.bad_query}[1d] offset {window})) > 0"
    expression = f"sum(increase({one.bad_query}[{window}])) > 0\nor\n{is_new}"
    return _alert(
        one,
        names.BROKEN,
        expression,
        Severity.PAGE,
        summary=f"{one.title}: broken {{{{ $value | humanize }}}} times in ten minutes",
        description=f"{_sentence(one)} No violation is allowed.",
        runbook=links.runbook("invariant-broken"),
        dashboard=links.dashboard(_DASHBOARD, slo=one.name),
    )


def _absent(one: Objective, links: Links, histograms: Histograms) -> Rule:
    series = there(one.total_query or "", histograms)
    at_work = f"\nunless on ()\n({_of(one, names.MAINTENANCE)} == 1)" if one.maintenance else ""
    return _alert(
        one,
        names.ABSENT,
        f"absent({series}){at_work}",
        Severity.TICKET,
        held=ABSENT_FOR,
        summary=f"{one.title}: nothing is known of it",
        description=f"No series {series} for ten minutes, so no other alert of this objective can fire.",
        runbook=links.runbook("without-data"),
        dashboard=links.dashboard(_DASHBOARD, slo=one.name),
    )


def _impossible(one: Objective, links: Links) -> Rule:
    window = of_severity(Severity.PAGE, one.period)[0].long
    total = _of(one, names.total(window))
    enough = f"{total} * {round(window.total_seconds())} >= {QUIET_BELOW}"
    return _alert(
        one,
        names.IMPOSSIBLE,
        f"{_of(one, names.good(window))} > {number(_TOO_MANY)} * {total}\n  and {enough}",
        Severity.TICKET,
        held=IMPOSSIBLE_FOR,
        summary=f"{one.title}: more good events than events",
        description=f"The queries of {one.name} count different things, so it cannot be told whether it is met.",
        runbook=links.runbook("counts-impossible"),
        dashboard=links.dashboard(_DASHBOARD, slo=one.name),
    )


def _record(one: Objective, name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression, "labels": _labels(one)}


def _alert(
    one: Objective,
    name: str,
    expression: str,
    severity: Severity,
    *,
    summary: str,
    description: str,
    runbook: str,
    dashboard: str,
    held: timedelta | None = None,
) -> Rule:
    rule: Rule = {"alert": name, "expr": expression}
    if held is not None:
        rule["for"] = span(held)
    labels = {**_labels(one), names.SEVERITY_LABEL: severity.value}
    notes = {"summary": summary, "description": description, "runbook_url": runbook, "dashboard_url": dashboard}
    return {**rule, "labels": labels, "annotations": notes}


def _labels(one: Objective) -> dict[str, str]:
    return {names.SLO_LABEL: one.name, names.SERVICE_LABEL: one.service}


def _of(one: Objective, name: str) -> str:
    return f'{name}{{{names.SLO_LABEL}="{one.name}"}}'


def _sentence(one: Objective) -> str:
    return one.description if one.description.endswith(".") else f"{one.description}."


def _asked(one: Objective, name: str, form: str) -> str:
    """Return a template that says what a recorded series is now; nothing known is said as such."""
    query = _of(one, name).replace('"', "`").replace("`", '\\"')
    return f'{{{{ with query "{query}" }}}}{{{{ . | first | value | {form} }}}}{{{{ else }}}}(not known){{{{ end }}}}'


def number(value: Fraction) -> str:
    """Return a number exactly: as a decimal where it has one, else as a division that PromQL does."""
    left = value.denominator
    for factor in (2, 5):
        while left % factor == 0:
            left //= factor
    if left != 1:
        return f"({value.numerator} / {value.denominator})"
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = str(int(abs(value) * 10**digits)).rjust(digits + 1, "0")
    text = f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole
    return f"-{text}" if value < 0 else text
