"""Expressions without recorded series: what each is replaced by, and that the result says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alerts.errors import RuleError
from alerts.inlining import inlined, records
from alerts.links import Links
from alerts.promql import selectors
from alerts.rendering import every_group
from slo.catalog import load
from tests.promtool import check, counting, needs_promtool

GROUPS = every_group(load(), Links())
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
KNOWN = {
    ("slo:total:rate5m", "a"): 'sum(rate(t{job="x"}[5m]))',
    ("slo:good:rate5m", "a"): 'sum(rate(g[5m])) or on () 0 * slo:total:rate5m{slo="a"}',
}


def test_a_recorded_series_becomes_its_expression_in_parentheses_however_deep() -> None:
    found = inlined('slo:good:rate5m{slo="a"}\n  > 2', KNOWN)
    assert found == '(sum(rate(g[5m])) or on () 0 * (sum(rate(t{job="x"}[5m])))) > 2'


def test_a_recorded_series_over_a_range_becomes_a_subquery_with_the_step_of_its_recording() -> None:
    found = inlined('avg_over_time(slo:total:rate5m{slo="a"}[1d]) > 1', KNOWN)
    assert found == 'avg_over_time((sum(rate(t{job="x"}[5m])))[1d:1m]) > 1'
    assert inlined('max_over_time(slo:total:rate5m{slo="a"}[1d:5m])', KNOWN).endswith("[1d:5m])")


def test_no_alert_of_the_catalogue_reads_a_recorded_series_after_it() -> None:
    known = records(GROUPS)
    read = [one.metric for rule in ALERTS for one in selectors(inlined(rule["expr"], known))]
    assert read
    assert [name for name in read if ":" in name] == []


def test_ports_in_labels_and_steps_of_subqueries_are_no_recorded_series() -> None:
    expression = "max_over_time(up{instance=\"db:9187\",x=~'a:b'}[1h:1m]) > 0"
    assert inlined(expression, {}) == expression


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ('slo:total:rate5m{slo="b"} > 1', "no recording rule is known"),
        ("slo:total:rate5m > 1", "no recording rule is known"),
        ('slo:total:rate5m{slo="a",job="x"} > 1', "no recording rule is known"),
        ('slo:total:rate5m{slo="a"} >', "is no PromQL"),
    ],
)
def test_what_cannot_be_inlined_is_refused_with_the_reason(expression: str, complaint: str) -> None:
    with pytest.raises(RuleError, match=complaint):
        inlined(expression, KNOWN)


def test_a_circle_is_refused() -> None:
    with pytest.raises(RuleError, match="still reads the recorded slo:a:x"):
        inlined('slo:a:x{slo="a"}', {("slo:a:x", "a"): 'slo:a:x{slo="a"}'})


@needs_promtool
def test_inlined_expressions_fire_and_are_silent_when_the_recorded_ones_do(tmp_path: Path) -> None:
    (group,) = [one for one in GROUPS if one["name"].endswith("bridge-success")]
    known = records(GROUPS)
    pages: list[dict[str, Any]] = [one for one in group["rules"] if one.get("alert") == "SloErrorBudgetBurn"]
    total, good = (
        next(one["expr"] for one in group["rules"] if one.get("record") == f"slo:{name}_events:rate5m")
        for name in ("total", "good")
    )
    (counted,) = {one.metric for one in selectors(total)}
    (succeeded,) = [one for one in selectors(good) if one.metric != "slo:total_events:rate5m"]
    labels = ",".join(f'{one.label}="{one.value}"' for one in succeeded.matchers)
    series = {
        f"{counted}{{}}": counting((600, 400)),
        f"{succeeded.metric}{{{labels}}}": counting((600, 120), (540, 60), (600, 220)),
    }
    expected = []
    for rule in pages:
        recorded, without = (f"(count({one}) or vector(0))" for one in (rule["expr"], inlined(rule["expr"], known)))
        both = f"{recorded} == bool {without}"
        expected += [(minute, both, [1]) for minute in range(100, 400, 10)]
    fires = inlined(pages[0]["expr"], known)
    expected += [(110, f"count({fires})", []), (175, f"count({fires})", [1]), (390, f"count({fires})", [])]
    assert check(tmp_path, GROUPS, series, expected) == ""


@needs_promtool
def test_over_a_range_both_forms_have_the_same_value_where_it_was_recorded_every_minute(tmp_path: Path) -> None:
    group = {
        "name": "g",
        "rules": [{"record": "slo:total:rate5m", "expr": "sum(rate(t[5m]))", "labels": {"slo": "a"}}],
    }
    recorded = 'avg_over_time(slo:total:rate5m{slo="a"}[1h])'
    without = inlined(recorded, records([group]))
    alike = f"abs(vector(scalar({recorded}) - scalar({without}))) < bool 1e-9"
    expected = [(minute, alike, [1]) for minute in (130, 180, 240)]
    assert check(tmp_path, [group], {"t{}": counting((60, 150), (600, 100))}, expected) == ""
