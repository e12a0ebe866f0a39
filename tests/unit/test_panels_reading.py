"""How Grafana's JSON is read for the proof: rows, units of columns, variables, and what is no dashboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboards.errors import DashboardError
from dashboards.proof.board import Threshold
from dashboards.proof.reading import read, read_folder, seconds
from tests.panels import board, dashboard, panel, target, variable


def test_panels_within_a_folded_row_are_read_too() -> None:
    row = {"type": "row", "title": "More", "panels": [panel(target("up"), title="Inner")]}
    assert [one.title for one in board(panel(target("up")), row).panels] == ["Requests", "More", "Inner"]


def test_a_hidden_query_is_not_read() -> None:
    (one,) = board(panel(target("up"), target("down", ref="B", hide=True))).panels
    assert [each.ref for each in one.targets] == ["A"]


def test_the_unit_of_a_table_s_column_is_that_of_its_override_also_when_it_was_renamed() -> None:
    organise = {"id": "organize", "options": {"renameByName": {"Value #B": "Left"}, "excludeByName": {"Time": True}}}
    override = {"matcher": {"id": "byName", "options": "Left"}, "properties": [{"id": "unit", "value": "percentunit"}]}
    made = panel(target("a"), target("b", ref="B"), unit="short", transformations=[organise])
    made["fieldConfig"]["overrides"] = [override]
    (one,) = board(made).panels
    assert [each.unit for each in one.targets] == ["short", "percentunit"]
    assert one.hidden == {"Time"}


def test_thresholds_and_scale_are_read() -> None:
    steps = [{"value": None, "color": "green"}, {"value": 2, "color": "red"}]
    (one,) = board(panel(target("a"), defaults={"min": 0, "max": 5, "thresholds": {"steps": steps}})).panels
    assert (one.low, one.high) == (0, 5)
    assert one.thresholds == (Threshold(None, "green"), Threshold(2, "red"))


def test_variables_of_every_kind_are_read() -> None:
    made = [
        variable("job", "label_values(up, job)"),
        {"name": "every", "type": "custom", "query": "quick : 1m, 5m"},
        {"name": "where", "type": "textbox", "query": "https://a.example"},
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
    ]
    job, every, where, source = board(panel(target("up")), variables=made).variables
    assert (job.query, job.has_all, job.all_value) == ("label_values(up, job)", True, ".+")
    assert every.values == ("1m", "5m")
    assert where.values == ("https://a.example",)
    assert (source.query, source.values) == ("", ())


def test_grafana_s_own_annotations_are_left_out() -> None:
    built_in = {"name": "Annotations & Alerts", "type": "dashboard", "datasource": {"uid": "-- Grafana --"}}
    notes = [built_in, {"name": "Starts", "expr": "changes(up[5m])"}]
    assert [one.name for one in board(panel(target("up")), annotations=notes).annotations] == ["Starts"]


@pytest.mark.parametrize(
    ("text", "in_s"), [("15s", 15), ("1m", 60), (">2h", 7200), ("500ms", 0.5), ("soon", 0), ("", 0)]
)
def test_a_duration_is_read_as_grafana_writes_it(text: str, in_s: float) -> None:
    assert seconds(text) == in_s


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "a.json: no JSON"),
        ("[]", "a.json: no dashboard; allowed is an object with `panels`"),
        (json.dumps({"panels": [{"title": "a"}]}), "a.json: not as Grafana writes a dashboard: KeyError('type')"),
    ],
)
def test_what_is_no_dashboard_is_refused_with_its_file(text: str, complaint: str) -> None:
    with pytest.raises(DashboardError) as found:
        read(text, "a.json")
    assert complaint in str(found.value)


def test_a_folder_is_read_in_the_order_of_its_files_and_an_empty_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DashboardError, match="no dashboard there"):
        read_folder(tmp_path)
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_text(dashboard(panel(target("up"))))
    assert [Path(one.origin).name for one in read_folder(tmp_path)] == ["a.json", "b.json"]
