"""What the proof sees in expressions alone: bare counters, wrong units, short windows, variables nobody defined."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.proof.finding import Kind
from dashboards.proof.static import look
from dashboards.proof.units import complaint
from tests.panels import SERVED, board, panel, target, variable


def kinds(*panels: dict[str, Any], **more: Any) -> list[Kind]:
    return [one.kind for one in look(board(*panels, **more), 15.0)]


def test_a_panel_as_it_should_be_has_no_finding() -> None:
    assert kinds(panel(target(SERVED, "{{route}}"))) == []


@pytest.mark.parametrize(
    "expr",
    [
        "requests_total",
        "sum(requests_total)",
        "sum by (job) (latency_seconds_count)",
        "max_over_time(requests_total[5m])",
        "requests_total > 0",
    ],
)
def test_a_bare_counter_is_found(expr: str) -> None:
    assert Kind.COUNTER in kinds(panel(target(expr), unit="short"))


@pytest.mark.parametrize(
    "expr",
    [
        "sum(rate(requests_total[5m]))",
        "increase(requests_total[$__range])",
        "absent(requests_total)",
        "count(requests_total)",
        "letta_bridge_in_flight",
        "sum(db_client_connection_count)",
        "pg_stat_activity_count",
        "slo:bad_events:increase1h",
    ],
)
def test_what_is_no_bare_counter_is_not(expr: str) -> None:
    assert Kind.COUNTER not in kinds(panel(target(expr), unit="short"))


@pytest.mark.parametrize("window", ["30s", "$__interval", "59s"])
def test_a_window_of_fewer_than_four_scrapes_is_found(window: str) -> None:
    assert kinds(panel(target(f"sum(rate(requests_total[{window}]))"))) == [Kind.WINDOW]


@pytest.mark.parametrize("window", ["1m", "$__rate_interval", "$__range", "1h"])
def test_a_window_of_four_scrapes_is_enough(window: str) -> None:
    assert kinds(panel(target(f"sum(rate(requests_total[{window}]))"))) == []


def test_what_is_scraped_less_often_needs_a_longer_window() -> None:
    found = look(board(panel(target("sum(rate(requests_total[1m]))"))), 30.0)
    assert [one.found for one in found] == ["requests_total over 60 s; allowed is 120 s or more, 4 times 30 s"]


def test_a_panel_that_says_how_often_its_series_come_gets_windows_of_that() -> None:
    made = panel(target("sum(rate(requests_total[$__rate_interval]))"), interval="1m")
    assert list(look(board(made), 60.0)) == []


def test_an_expression_that_is_no_promql_is_found_once() -> None:
    assert kinds(panel(target("sum(rate(requests_total[5m])"))) == [Kind.SYNTAX]


def test_a_variable_that_nobody_defines_is_found_and_a_misspelt_one_is_named() -> None:
    (found,) = look(board(panel(target('up{job=~"$jobb"}'), unit="short")), 15.0)
    assert str(found) == "small / Requests / A: variable not defined: $jobb is none of the dashboard's"


def test_all_without_a_value_of_its_own_is_found() -> None:
    made = variable("job", "label_values(up, job)", allValue=None)
    assert kinds(panel(target("up"), unit="short"), variables=[made]) == [Kind.ALL_VALUE]


def test_annotations_are_looked_at_too() -> None:
    assert kinds(panel(target("up"), unit="short"), annotations=[{"name": "Starts", "expr": "up["}]) == [Kind.SYNTAX]


@pytest.mark.parametrize(
    ("expr", "right", "wrong"),
    [
        ("sum(rate(requests_total[5m]))", "reqps", "s"),
        ("sum(rate(requests_total[5m]))", "ops", "percentunit"),
        ("sum(rate(requests_total[5m]))", "cps", "short"),
        ("increase(requests_total[1h])", "short", "reqps"),
        ("histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[5m])))", "s", "ms"),
        ("rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])", "s", "short"),
        ("rate(a_total[5m]) / rate(b_total[5m])", "percentunit", "s"),
        ("(rate(a_total[5m]) or 0 * rate(b_total[5m])) / (rate(b_total[5m]) > 0)", "percentunit", "reqps"),
        ("1 - rate(a_total[5m]) / rate(b_total[5m])", "percentunit", "bytes"),
        ("100 * a_bytes / b_bytes", "percent", "percentunit"),
        ("a_bytes / b_bytes", "percentunit", "percent"),
        ("process_resident_memory_bytes", "bytes", "short"),
        ("rate(node_network_receive_bytes_total[5m])", "Bps", "bytes"),
        ("rate(process_cpu_seconds_total[5m])", "percentunit", "s"),
        ("time() - started_timestamp_seconds", "s", "ms"),
        ("slo:error_budget_left:ratio", "percentunit", "s"),
        ("slo:error_budget_exhausted_in:seconds", "s", "short"),
        ("slo:good_events:rate5m", "reqps", "percentunit"),
        ("slo:burn_rate:rate1h", "short", "s"),
        ("sum by (job) (max_over_time(queue_age_seconds[5m]))", "s", "short"),
        ("topk(5, sum by (route) (rate(requests_total[5m])))", "reqps", "bytes"),
    ],
)
def test_the_unit_of_an_expression_follows_from_its_names(expr: str, right: str, wrong: str) -> None:
    assert complaint(expr, right) == ""
    assert f"the unit of the panel is {wrong!r}" in complaint(expr, wrong)


@pytest.mark.parametrize("expr", ["up", "redis_connected_clients", "node_load1 * 60", "2 ^ latency_seconds"])
def test_a_unit_that_names_do_not_tell_is_not_judged(expr: str) -> None:
    assert complaint(expr, "s") == ""


def test_a_unit_of_ones_own_is_not_judged() -> None:
    assert complaint("rate(tokens_total[5m])", "tokens/s") == ""
