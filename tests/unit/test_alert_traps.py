"""Situations in which an alert of burn rates, of losses or of absence could say the wrong thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from alerts import names
from alerts.links import Links
from alerts.rules import groups
from slo.catalog import load
from slo.maintenance import parse
from slo.objective import Kind, Objective
from tests.promtool import check, counting, needs_promtool

pytestmark = [needs_promtool, pytest.mark.timeout(240)]
GOOD, ALL, IN_HAND = "good_total", "all_total", "in_hand"
PAGE = f'count(ALERTS{{alertname="{names.BURN}",severity="page",alertstate="firing"}})'
BROKEN = f'count(ALERTS{{alertname="{names.BROKEN}",alertstate="firing"}})'
ABSENT = f'count(ALERTS{{alertname="{names.ABSENT}",alertstate="firing"}})'
LOST = "letta_bridge_lost_messages_total"


def success(**changed: Any) -> list[dict[str, Any]]:
    """The rules of 99.9 % over 30 days, without what no page needs."""
    one = load().objective("bridge-success")
    usual: dict[str, Any] = {"good_query": GOOD, "total_query": ALL, "period": timedelta(days=30)}
    (group,) = made(replace(one, **{**usual, "target": Fraction("0.999"), "in_flight_query": IN_HAND, **changed}))
    return [group]


def made(one: Objective) -> list[dict[str, Any]]:
    return groups(replace(load(), objectives=(one,)), Links())


def lost() -> list[dict[str, Any]]:
    return made(next(one for one in load().objectives if one.kind is Kind.INVARIANT))


def test_one_failure_in_the_evening_pages_nobody_for_an_incident_of_the_morning(tmp_path: Path) -> None:
    """Ten bad minutes at six, then a request each half hour, one of which fails."""
    morning, day = 360, 14 * 60
    total = f"{counting((600, morning + 10))} {_every(30, day, 600 * (morning + 10))}"
    good = f"{counting((600, morning), (0, 10))} {_every(30, day, 600 * morning, without=day // 30 - 2)}"
    over = morning + 10 + 60
    expected: list[Any] = [(morning + 5, PAGE, [1]), *((over + 30 * place, PAGE, []) for place in range(1, 26))]
    assert check(tmp_path, success(), {ALL: total, GOOD: good}, expected) == ""


def _every(minutes: int, during: int, start: int, *, without: int | None = None) -> str:
    parts, value = [], start
    for place in range(during // minutes):
        value += 0 if place == without else 1
        parts.append(f"{value}+0x{minutes - 1}")
    return " ".join(parts)


@pytest.mark.parametrize(("in_hand", "pages"), [("60", False), ("0", True)])
def test_a_burst_after_a_quiet_hour_pages_nobody_for_what_is_in_hand(tmp_path: Path, in_hand: str, pages: bool) -> None:
    """Sixty requests are in hand: taken, and not answered yet. Without the gauge they look like failures."""
    idle, busy = 90, 20
    series = {
        ALL: f"0+0x{idle - 1} {counting((3000, busy), start=3000)}",
        GOOD: f"0+0x{idle - 1} {counting((3000, busy), start=2940)}",
        IN_HAND: f"0+0x{idle - 1} {in_hand}+0x{busy - 1}",
    }
    expected: list[Any] = [(idle + 1, PAGE, [1] if pages else []), (idle + 10, PAGE, [])]
    assert check(tmp_path, success(), series, expected) == ""


def test_failures_page_however_many_are_in_hand(tmp_path: Path) -> None:
    series = {ALL: counting((6000, 60)), GOOD: counting((6000, 30), (0, 30)), IN_HAND: "60+0x59"}
    assert check(tmp_path, success(), series, [(29, PAGE, []), (32, PAGE, [1])]) == ""


@pytest.mark.parametrize("gap", ["1+0x59 stale 1+0x60", "1+0x59 stale _x7 1+0x60"])
def test_a_counter_that_was_away_for_a_moment_has_counted_nothing_new(tmp_path: Path, gap: str) -> None:
    asked: list[Any] = [(minute, BROKEN, []) for minute in (30, 59, 62, 70, 75, 90)]
    assert check(tmp_path, lost(), {f'{LOST}{{instance="a"}}': gap}, asked) == ""


def test_a_second_instance_that_begins_with_a_loss_pages(tmp_path: Path) -> None:
    series = {f'{LOST}{{instance="a"}}': "0+0x90", f'{LOST}{{instance="b"}}': "_x40 1+0x50"}
    assert check(tmp_path, lost(), series, [(39, BROKEN, []), (42, BROKEN, [1]), (55, BROKEN, [])]) == ""


def test_in_a_maintenance_nobody_is_told_that_there_is_no_data(tmp_path: Path) -> None:
    """Off by appointment for an hour, and for half an hour more, which is too long."""
    windows = parse("thu 02:00-03:00 UTC")
    series = {ALL: f"{counting((60, 120))} stale _x89 {counting((60, 10))}", GOOD: counting((60, 120))}
    expected: list[Any] = [(minute, ABSENT, []) for minute in (119, 140, 179, 185)]
    assert check(tmp_path, success(maintenance=windows), series, [*expected, (195, ABSENT, [1])]) == ""
