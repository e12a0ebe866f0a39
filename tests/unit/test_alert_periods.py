"""Rules of objectives with calendar periods, windows of maintenance, short periods, and native histograms."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from alerts import names
from alerts.cases.of_objective import by_the_half_hour, by_the_minute
from alerts.counting import Histograms
from alerts.errors import RuleError
from alerts.lengths import span
from alerts.links import Links
from alerts.rules import groups
from alerts.windows import PAIRS, all_windows, pairs_of
from slo.calendar_period import CalendarPeriod, CalendarUnit
from slo.catalog import load
from slo.maintenance import Maintenance, Once, parse
from slo.objective import Objective
from tests.promtool import check, counting, needs_promtool

pytestmark = [needs_promtool, pytest.mark.timeout(240)]
GOOD, ALL = "good_total", "all_total"
A_DAY = 24 * 60  # minutes
SHANGHAI = timedelta(hours=8)


def objective(**changed: Any) -> Objective:
    (one,) = [one for one in load().objectives if one.name == "bridge-success"]
    usual: dict[str, Any] = {"good_query": GOOD, "total_query": ALL, "target": Fraction("0.999")}
    return replace(one, **{**usual, **changed})


def made(histograms: Histograms = Histograms.CLASSIC, **changed: Any) -> list[dict[str, Any]]:
    return groups(replace(load(), objectives=(objective(**changed),)), Links(), histograms)


def expressions(**changed: Any) -> dict[str, str]:
    return {rule["record"]: rule["expr"] for rule in made(**changed)[0]["rules"] if "record" in rule}


def needed_for(series: str, **changed: Any) -> list[dict[str, Any]]:
    """The records that one stands on, itself included: the time of promtool goes by the number of rules."""
    rules = [rule for rule in made(**changed)[0]["rules"] if "record" in rule]
    kept = [rule for rule in rules if rule["record"] == series]
    for rule in reversed(rules):
        if rule not in kept and any(f"{rule['record']}{{" in user["expr"] for user in kept):
            kept.append(rule)
    return [{"name": "g", "rules": [rule for rule in rules if rule in kept]}]


def calendar(unit: CalendarUnit, offset: timedelta = timedelta(0)) -> dict[str, Any]:
    period = CalendarPeriod(unit, offset)
    return {"calendar": period, "period": period.longest}


def bad_in_first_days(days: int, after: int) -> dict[str, str]:
    """Half of all are bad for so many days from 1970 on, and none after."""
    first, rest = days * A_DAY, after * A_DAY
    return {ALL: counting((60, first + rest)), GOOD: counting((30, first), (60, rest))}


@pytest.mark.parametrize(
    ("offset", "last_hour_of_january"), [(timedelta(0), 31 * A_DAY), (SHANGHAI, 31 * A_DAY - 8 * 60)]
)
def test_a_month_begins_with_a_whole_budget(tmp_path: Path, offset: timedelta, last_hour_of_january: int) -> None:
    """What was bad in January counts until its last minute, where the zone has it, and not in February."""
    asked = calendar(CalendarUnit.MONTH, offset)
    rules = needed_for(names.BUDGET_LEFT, **asked)
    expected = [
        (last_hour_of_january - 60, f"max({names.BUDGET_LEFT}) < bool 0", [1]),
        (last_hour_of_january + 120, f"round(max({names.BUDGET_LEFT}), 0.01)", [1]),
        (33 * A_DAY, f"round(max({names.BUDGET_LEFT}), 0.01)", [1]),
    ]
    assert check(tmp_path, rules, bad_in_first_days(30, 4), expected, step="1h") == ""


def test_at_the_begin_of_march_january_does_not_count(tmp_path: Path) -> None:
    """31 days before the first of March lie days of January: they have another number than March."""
    january, february = 31 * A_DAY, 28 * A_DAY
    series = {
        ALL: counting((60, january + february + 2 * A_DAY)),
        GOOD: counting((30, january), (60, february + 2 * A_DAY)),
    }
    rules = needed_for(names.BUDGET_LEFT, **calendar(CalendarUnit.MONTH))
    expected = [(january + february + A_DAY, f"round(max({names.BUDGET_LEFT}), 0.01)", [1])]
    assert check(tmp_path, rules, series, expected, step="1h") == ""


def test_a_week_begins_on_monday(tmp_path: Path) -> None:
    """1 January 1970 was a Thursday, so the first Monday is the fifth day."""
    rules = needed_for(names.BUDGET_LEFT, **calendar(CalendarUnit.WEEK))
    monday = 4 * A_DAY
    expected = [
        (monday - 60, f"max({names.BUDGET_LEFT}) < bool 0", [1]),
        (monday + 120, f"round(max({names.BUDGET_LEFT}), 0.01)", [1]),
    ]
    assert check(tmp_path, rules, bad_in_first_days(3, 3), expected, step="1h") == ""


@pytest.mark.parametrize(
    ("unit", "now", "begin"),
    [
        (CalendarUnit.DAY, "2026-11-22T01:00:00+08:00", "2026-11-22T00:00:00+08:00"),
        (CalendarUnit.WEEK, "2026-11-22T01:00:00+08:00", "2026-11-16T00:00:00+08:00"),
        (CalendarUnit.MONTH, "2026-11-01T07:00:00+08:00", "2026-11-01T00:00:00+08:00"),
        (CalendarUnit.QUARTER, "2026-11-22T01:00:00+08:00", "2026-10-01T00:00:00+08:00"),
        (CalendarUnit.YEAR, "2026-01-01T00:00:00+08:00", "2026-01-01T00:00:00+08:00"),
    ],
)
def test_a_period_begins_where_its_zone_has_it(unit: CalendarUnit, now: str, begin: str) -> None:
    from datetime import datetime

    at = datetime.fromisoformat(now).timestamp()
    assert CalendarPeriod(unit, SHANGHAI).begin(at) == datetime.fromisoformat(begin).timestamp()


def test_what_is_bad_in_a_maintenance_counts_for_nothing(tmp_path: Path) -> None:
    """Thursday 02:00 to 03:00 UTC: all bad then, and nobody is told; an hour later the same is a page."""
    page = f'count(ALERTS{{alertname="{names.BURN}",severity="page",alertstate="firing"}})'
    windows = parse("thu 02:00-03:00 UTC")
    series = {
        ALL: counting((6000, 330)),
        GOOD: counting((6000, 120), (0, 60), (6000, 60), (0, 30), (6000, 60)),
    }
    expected: list[Any] = [(minute, page, []) for minute in (125, 150, 179, 185, 200, 239)]
    expected += [(125, f"max({names.MAINTENANCE})", [1]), (185, f"max({names.MAINTENANCE})", [0])]
    expected += [(239, f"max({names.burn(timedelta(hours=6))})", [0]), (250, page, [1])]
    assert check(tmp_path, made(maintenance=windows), series, expected) == ""
    without: list[Any] = [(150, page, [1])]
    assert check(tmp_path, made(), series, without) == ""


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("daily 23:30-00:30 UTC", {10: 1, 40: 0, 23 * 60 + 40: 1, 23 * 60: 0, A_DAY + 10: 1}),
        ("thu,sat 10:00-11:00 Asia/Shanghai", {150: 1, 90: 0, A_DAY + 150: 0, 2 * A_DAY + 150: 1}),
        ("thu 23:00-01:00 UTC; fri 12:00-13:00 UTC", {A_DAY + 30: 1, 2 * A_DAY + 30: 0, A_DAY + 12 * 60: 1}),
        ("1970-01-01T01:00:00+00:00/1970-01-01T02:00:00+00:00", {59: 0, 60: 1, 119: 1, 120: 0, A_DAY + 90: 0}),
    ],
)
def test_a_window_of_maintenance_is_where_its_zone_has_it(tmp_path: Path, text: str, minutes: dict[int, int]) -> None:
    rules = needed_for(names.MAINTENANCE, maintenance=parse(text))
    expected = [(minute, f"max({names.MAINTENANCE})", [value]) for minute, value in minutes.items()]
    assert check(tmp_path, rules, {ALL: counting((1, 3 * A_DAY))}, expected) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sunday 02:00-04:00 UTC", "is no window"),
        ("som 02:00-04:00 UTC", "'som' is no day"),
        ("sun 02:00-04:00 Europe/Berlin", "without summer time"),
        ("sun 02:00-02:00 UTC", "lasts for no time"),
        ("sun 25:00-26:00 UTC", "is no time of day"),
        ("2026-12-01T01:00:00/2026-12-01T02:00:00", "without its zone"),
        ("2026-12-02T01:00:00Z/2026-12-01T02:00:00Z", "ends before it begins"),
    ],
)
def test_a_faulty_window_of_maintenance_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_maintenance_is_read_as_it_is_written() -> None:
    read: tuple[Maintenance, ...] = parse("sun 02:00-04:00 UTC; 2026-12-01T01:00:00Z/2026-12-01T02:00:00Z")
    assert len(read) == 2
    assert read[1] == Once(1796086800, 1796090400)


def test_windows_shrink_with_a_short_period_and_the_burn_rates_stay() -> None:
    week = timedelta(days=7)
    assert [(span(pair.long), span(pair.short)) for pair in pairs_of(week)] == [
        ("15m", "5m"),
        ("90m", "8m"),
        ("6h", "30m"),
        ("18h", "90m"),
    ]
    assert [pair.burn_rate(week) for pair in pairs_of(week)] == [pair.burn_rate(timedelta(days=28)) for pair in PAIRS]
    assert set(all_windows()) < set(all_windows(week))
    assert pairs_of(timedelta(days=90)) == PAIRS


def test_the_cases_of_an_objective_of_a_week_hold(tmp_path: Path) -> None:
    one = objective(period=timedelta(days=7))
    for step, cases in (("1m", by_the_minute(one)), ("30m", by_the_half_hour(one))):
        for case in cases:
            asked = [(each.minute, each.written()["expr"], [1] if each.firing else []) for each in case.checks]
            assert check(tmp_path, made(period=timedelta(days=7)), case.series, asked, step=step) == "", case.name


def test_a_period_of_a_day_is_refused_with_the_reason() -> None:
    with pytest.raises(RuleError, match=r"its period of 1d is too short to be watched by burn rate.* 7d and more"):
        made(period=timedelta(days=1))


LATENCY = {
    "good_query": 'duration_seconds_bucket{job="j",le="2"}',
    "total_query": 'duration_seconds_count{job="j"}',
}


def test_native_histograms_are_counted_below_the_limit() -> None:
    rules = {
        rule.get("record") or rule["alert"]: rule["expr"] for rule in made(Histograms.NATIVE, **LATENCY)[0]["rules"]
    }
    rate = 'rate(duration_seconds{job="j"}[5m])'
    assert rules["slo:total_events:rate5m"] == f"sum(histogram_count({rate}))"
    good = f"sum(histogram_fraction(0, 2, {rate}) * (histogram_count({rate}) > 0))"
    assert rules["slo:good_events:rate5m"].startswith(f"{good} or on () 0 * ")
    assert rules[names.ABSENT] == 'absent(duration_seconds{job="j"})'
    assert not [text for text in rules.values() if re.search(r"_bucket|_count\{", text)]


def test_a_limit_that_is_no_edge_of_native_buckets_is_refused() -> None:
    good = 'duration_seconds_bucket{job="j",le="1.5"}'
    with pytest.raises(RuleError, match=r"its limit of 1\.5 s is no edge of a native histogram"):
        made(Histograms.NATIVE, **{**LATENCY, "good_query": good})
    assert made(Histograms.CLASSIC, **{**LATENCY, "good_query": good})
