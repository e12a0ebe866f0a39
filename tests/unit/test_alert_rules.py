"""The rules by Prometheus' own test tool: when they fire, when they are silent, and when they end."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alerts import names
from alerts.errors import RuleError
from alerts.lengths import span
from alerts.links import Links
from alerts.rendering import files
from alerts.rules import groups, number
from alerts.windows import PAIRS, all_windows, long_windows
from letta_slo.main import cli
from slo.catalog import load
from slo.objective import Catalogue, Kind
from tests.promtool import check, counting, needs_promtool, promtool

pytestmark = [needs_promtool, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
GOOD, ALL = "good_total", "all_total"
A_DAY = 24 * 60  # minutes
A_MINUTE = 6000  # events: 100 a second
PAGE, TICKET = (
    f'count(ALERTS{{alertname="{names.BURN}",severity="{one}",alertstate="firing"}})' for one in ("page", "ticket")
)


def catalogue(target: str = "0.999", period: timedelta = timedelta(days=30)) -> Catalogue:
    """One objective, of 99.9 % over 30 days."""
    whole = load()
    (one,) = [one for one in whole.objectives if one.name == "bridge-success"]
    watched = replace(one, target=Fraction(target), period=period, good_query=GOOD, total_query=ALL)
    return replace(whole, objectives=(watched,))


def made(target: str = "0.999") -> list[dict[str, Any]]:
    return groups(catalogue(target), Links())


def burning(severity: str) -> list[dict[str, Any]]:
    """The alert of a severity with the records that it stands on: the time of promtool goes by the number of rules."""
    rules = made()[0]["rules"]
    alert = next(one for one in rules if one.get("alert") == names.BURN and one["labels"]["severity"] == severity)
    kept = [alert]
    for one in reversed([rule for rule in rules if "record" in rule]):
        if any(f"{one['record']}{{" in user["expr"] for user in kept):
            kept.append(one)
    return [{"name": "burning", "rules": kept[::-1]}]


def incident(bad: str, minutes: int, *, healthy: int, after: int = 0) -> dict[str, str]:
    """The two counters: healthy for some minutes, a share of bad events for some, and healthy again."""
    good = A_MINUTE * (1 - float(Fraction(bad)))
    stretches = [(A_MINUTE, healthy), (good, minutes), *([(A_MINUTE, after)] if after else [])]
    return {GOOD: counting(*stretches), ALL: counting((A_MINUTE, healthy + minutes + after))}


@pytest.mark.parametrize(
    ("bad", "minutes", "page_at", "page_ends"),
    [("1", 30, 1, 30), ("0.1", 60, 9, 29), ("0.02", 240, 44, 22), ("0.01", 400, 217, 13), ("0.0015", 500, None, None)],
)
def test_a_page_comes_and_ends_when_the_table_says(
    tmp_path: Path, bad: str, minutes: int, page_at: int | None, page_ends: int | None
) -> None:
    """Each within a minute; the table is that of 30 days at 99.9 %: long window times threshold by burn rate."""
    healthy = 7 * 60  # more than the longest window of a page that is not for a quiet service
    over = healthy + minutes
    expected: list[Any] = [(over, PAGE, [] if page_at is None else [1])]
    if page_at is not None and page_ends is not None:
        before: list[Any] = [(healthy + page_at - 2, PAGE, [])] if page_at > 1 else []
        after = [(over + page_ends - 2, PAGE, [1]), (over + page_ends + 2, PAGE, [])]
        expected = [*before, (healthy + page_at + 1, PAGE, [1]), *after]
    series = incident(bad, minutes, healthy=healthy, after=(page_ends or 0) + 10)
    assert check(tmp_path, burning("page"), series, expected) == ""


@pytest.mark.parametrize(("bad", "ticket_at"), [("1", 5), ("0.1", 44), ("0.02", 216), ("0.01", 432), ("0.0015", 2881)])
def test_a_ticket_comes_when_the_table_says(tmp_path: Path, bad: str, ticket_at: int) -> None:
    healthy = 3 * A_DAY
    expected = [(healthy + ticket_at - 2, TICKET, []), (healthy + ticket_at + 1, TICKET, [1])]
    series = incident(bad, ticket_at + 5, healthy=healthy)
    assert check(tmp_path, burning("ticket"), series, expected) == ""


@pytest.mark.parametrize(("bad", "minutes", "ends"), [("1", 30, 360), ("0.1", 60, 357), ("0.01", 450, 324)])
def test_a_ticket_ends_when_the_shorter_window_is_well_again(tmp_path: Path, bad: str, minutes: int, ends: int) -> None:
    """So many minutes after the last bad request: until less than a thousandth of the last six hours was bad."""
    over = 3 * A_DAY + minutes
    expected = [(over + ends - 2, TICKET, [1]), (over + ends + 2, TICKET, [])]
    series = incident(bad, minutes, healthy=3 * A_DAY, after=ends + 10)
    assert check(tmp_path, burning("ticket"), series, expected) == ""


def test_after_twenty_idle_minutes_nothing_is_not_a_number(tmp_path: Path) -> None:
    busy, idle = 4 * 60, 20
    series = {GOOD: counting((A_MINUTE, busy), (0, idle)), ALL: counting((A_MINUTE, busy), (0, idle))}
    records = [rule["record"] for rule in made()[0]["rules"] if "record" in rule]
    expected: list[Any] = [(busy + idle, f"count({name} != {name})", []) for name in records]
    expected += [(busy + idle, f"count({name})", [1]) for name in records]
    expected.append((busy + idle, f"count({names.burn(timedelta(minutes=5))} == 0)", [1]))
    assert check(tmp_path, made(), series, expected) == ""


def spaced(every: int, *good: bool) -> dict[str, str]:
    """The two counters of a service with one event every so many minutes."""
    total: list[int] = []
    of_good: list[int] = []
    for place, is_good in enumerate(good, start=1):
        total += [place] * every
        of_good += [(of_good[-1] if of_good else 0) + int(is_good)] * every
    return {ALL: " ".join(map(str, total)), GOOD: " ".join(map(str, of_good))}


def test_one_failure_of_a_quiet_service_pages_nobody(tmp_path: Path) -> None:
    healthy = A_DAY
    series = spaced(10, *[True] * (healthy // 10), False, *[True] * 20)
    expected: list[Any] = [(healthy + minute, PAGE, []) for minute in (*range(0, 30), 60, 120, 200)]
    assert check(tmp_path, burning("page"), series, expected) == ""


def test_nine_of_ten_failing_at_one_in_ten_minutes_page_within_twenty_events(tmp_path: Path) -> None:
    healthy = A_DAY
    series = spaced(10, *[True] * (healthy // 10), *[place % 10 == 5 for place in range(21)])
    assert check(tmp_path, burning("page"), series, [(healthy, PAGE, []), (healthy + 200, PAGE, [1])]) == ""


def test_nine_of_ten_a_day_failing_page_within_that_day(tmp_path: Path) -> None:
    """Too quiet for any other pair: the last day has ten events."""
    every, well = 144, 15
    series = spaced(every, *[True] * well, *[place == 5 for place in range(11)])
    expected = [(well * every, PAGE, []), ((well + 10) * every - 1, PAGE, [1])]
    assert check(tmp_path, burning("page"), series, expected) == ""


def test_without_a_bad_event_ever_the_share_is_whole(tmp_path: Path) -> None:
    series = {GOOD: counting((A_MINUTE, 60)), ALL: counting((A_MINUTE, 60))}
    expected = [(60, f"max({names.burn(timedelta(hours=1))})", [0]), (60, f"max({names.BUDGET_LEFT})", [1])]
    assert check(tmp_path, made(), series, expected) == ""


def test_without_a_good_event_ever_everything_is_bad(tmp_path: Path) -> None:
    expected = [(60, f"round(max({names.burn(timedelta(minutes=5))}))", [1000]), (60, PAGE, [1])]
    assert check(tmp_path, made(), {ALL: counting((A_MINUTE, 60))}, expected) == ""


def test_data_that_is_not_there_has_its_own_alert(tmp_path: Path) -> None:
    absent = f'count(ALERTS{{alertname="{names.ABSENT}",alertstate="firing"}})'
    series = {ALL: f"{counting((A_MINUTE, 30))} stale", GOOD: counting((A_MINUTE, 30))}
    assert check(tmp_path, made(), series, [(30, absent, []), (50, absent, [1]), (50, PAGE, [])]) == ""


def test_nobody_is_told_that_a_fallback_has_no_data() -> None:
    told = {
        rule["labels"]["slo"]
        for group in groups(load(), Links())
        for rule in group["rules"]
        if rule.get("alert") == names.ABSENT
    }
    assert {one.name for one in load().objectives} - told == {"bridge-fallback"}


def test_more_good_events_than_events_is_said(tmp_path: Path) -> None:
    said = f'count(ALERTS{{alertname="{names.IMPOSSIBLE}",alertstate="firing"}})'
    series = {ALL: counting((A_MINUTE, 60)), GOOD: counting((A_MINUTE * 1.05, 60))}
    assert check(tmp_path, made(), series, [(60, said, [1])]) == ""


def test_one_violation_of_what_may_never_happen_pages_also_when_its_counter_is_new(tmp_path: Path) -> None:
    whole = load()
    rules = groups(
        replace(whole, objectives=tuple(one for one in whole.objectives if one.kind is Kind.INVARIANT)), Links()
    )
    broken = f'count(ALERTS{{alertname="{names.BROKEN}",severity="page",alertstate="firing"}})'
    requests = {"letta_bridge_requests_total": counting((60, 60))}
    for lost in ("0x19 1x40", "_x19 1x40"):
        series = {**requests, "letta_bridge_lost_messages_total": lost}
        expected = [(18, broken, []), (22, broken, [1]), (45, broken, [])]
        assert check(tmp_path, rules, series, expected) == "", lost


def test_a_person_is_told_what_burns_how_fast_and_how_long_it_lasts() -> None:
    rule = next(one for one in made()[0]["rules"] if one.get("alert") == names.BURN)
    told = rule["annotations"]["description"]
    assert "2% of the budget within 1h or 5% of the budget within 6h" in told
    assert names.EXHAUSTED_IN in told and names.BUDGET_LEFT in told
    assert (ROOT / rule["annotations"]["runbook_url"]).is_file()


def test_an_alert_that_can_never_fire_is_refused_with_the_reason() -> None:
    with pytest.raises(RuleError, match=r"its page over 1h would need 144% of requests to be bad.* above 93\.06%"):
        made("0.9")


@pytest.mark.parametrize("window", all_windows(), ids=span)
def test_every_window_is_recorded(window: timedelta) -> None:
    records = {rule.get("record") for rule in made()[0]["rules"]}
    assert {names.good(window), names.total(window), names.error_ratio(window), names.burn(window)} <= records
    assert (names.bad_count(window) in records) == (window in long_windows())


def test_every_alert_has_what_a_person_and_a_router_need() -> None:
    for group in groups(load(), Links()):
        for rule in (one for one in group["rules"] if "alert" in one):
            assert set(rule["labels"]) == {"slo", "service", "severity"}, rule
            assert rule["labels"]["severity"] in {"page", "ticket"}
            assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
            assert (ROOT / rule["annotations"]["runbook_url"]).is_file()


def test_factors_are_those_of_the_workbook_at_thirty_days() -> None:
    period = timedelta(days=30)
    assert [number(pair.burn_rate(period)) for pair in PAIRS] == ["14.4", "6", "3", "1"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.999", "0.999"),
        ("1/1000", "0.001"),
        ("14/15", "(14 / 15)"),
        ("672/50", "13.44"),
        ("3", "3"),
        ("-1/4", "-0.25"),
    ],
)
def test_numbers_are_exact(value: str, text: str) -> None:
    assert number(Fraction(value)) == text


def test_the_rendered_files_are_the_same_each_time_valid_and_without_a_rounded_number(tmp_path: Path) -> None:
    texts = files(load(), Links())
    assert texts == files(load(), Links())
    for name, text in texts.items():
        assert not re.search(r"\d\.\d{7,}", text), name
    for name in [name for name in texts if name.startswith(("prometheus/objectives", "prometheus/platform"))]:
        rules = tmp_path / "rules.yaml"
        rules.write_text(texts[name])
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(rules))
        assert done.returncode == 0, done.stdout + done.stderr


def test_render_writes_what_check_accepts_and_check_finds_what_was_changed(tmp_path: Path) -> None:
    out = tmp_path / "rules"
    assert CliRunner().invoke(cli, ["render", "--out", str(out), "--check"], standalone_mode=False).return_value == 3
    assert CliRunner().invoke(cli, ["render", "--out", str(out)], standalone_mode=False).return_value == 0
    assert CliRunner().invoke(cli, ["render", "--out", str(out), "--check"], standalone_mode=False).return_value == 0
    changed = out / "prometheus" / "objectives" / "bridge-success.yaml"
    changed.write_text(changed.read_text().replace("> 13.44", "> 13.4"))
    done = CliRunner().invoke(cli, ["render", "--out", str(out), "--check"], standalone_mode=False)
    assert done.return_value == 3
    assert str(changed) in done.output


def test_render_says_which_files_are_from_a_catalogue_that_had_more(tmp_path: Path) -> None:
    out = tmp_path / "rules"
    assert CliRunner().invoke(cli, ["render", "--out", str(out)], standalone_mode=False).return_value == 0
    left = out / "prometheus" / "objectives" / "gone.yaml"
    left.write_text((out / "prometheus" / "objectives" / "bridge-success.yaml").read_text())
    (out / "prometheus" / "objectives" / "theirs.yaml").write_text("groups: []\n")
    checked = CliRunner().invoke(cli, ["render", "--out", str(out), "--check"], standalone_mode=False)
    assert checked.return_value == 3
    assert f"{left}: `letta-slo render` would not write it any more" in checked.output
    assert "theirs.yaml" not in checked.output
    again = CliRunner().invoke(cli, ["render", "--out", str(out)], standalone_mode=False)
    assert f"{left}: from an earlier rendering" in again.output
    assert left.is_file()
