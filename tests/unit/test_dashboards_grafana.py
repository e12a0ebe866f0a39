"""Grafana's JSON: what its own types say of it, what no type sees, both flavours, and the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from grafanalib import core

from alerts.links import Links
from dashboards.checking import faults as unseen_by_types
from dashboards.content import all_dashboards
from dashboards.errors import DashboardError
from dashboards.grafana import raw_by_grafanalib, rendered
from dashboards.layout import places
from dashboards.rendering import boards, files, shared
from dashboards.spec import Dashboard, Kind, Panel, Query, Row
from slo.catalog import load
from tests.grafana_schema import faults

Json = dict[str, Any]

SPECS = {one.key: one for one in all_dashboards(load())}
MADE = boards(load(), Links())
FILES = files(load(), Links())


def panel(board: Json, title: str) -> Json:
    found: Json = next(one for one in board["panels"] if one["title"] == title)
    return found


@pytest.mark.parametrize("key", MADE)
def test_grafanas_own_types_find_nothing_wrong_in_either_flavour(key: str) -> None:
    assert faults(MADE[key]) == []
    assert faults(shared(MADE[key])) == []


@pytest.mark.parametrize("key", MADE)
def test_what_grafanalib_writes_by_itself_does_not_keep_to_grafanas_types(key: str) -> None:
    raw = raw_by_grafanalib(SPECS[key], Links())
    assert len(faults(raw)) > 100
    assert any("thresholds.steps" in one or "datasource" in one for one in faults(raw))


def test_a_naive_dashboard_of_grafanalib_is_found_wrong() -> None:
    naive = core.Dashboard(
        title="naive",
        panels=[
            core.Stat(
                title="up",
                dataSource="Prometheus",
                targets=[core.Target(expr="up", refId="A")],
                gridPos=core.GridPos(8, 8, 0, 0),
            )
        ],
    )
    raw = json.loads(json.dumps(naive, default=lambda one: one.to_json_data()))
    places_ = {one.split(":")[1].strip() for one in faults(raw) if "up" in one}
    assert {"datasource", "fieldConfig.defaults.thresholds.steps"} <= places_


def _misspelt_option(board: Json) -> None:
    panel(board, "Requests by route")["options"]["legnd"] = {}


def _wrong_value(board: Json) -> None:
    panel(board, "Requests by route")["options"]["tooltip"]["mode"] = "several"


def _text_for_a_number(board: Json) -> None:
    panel(board, "Requests by route")["gridPos"]["w"] = "8"


def _null(board: Json) -> None:
    panel(board, "Requests by route")["interval"] = None


def _misspelt_key(board: Json) -> None:
    board["graphToolTip"] = 1


@pytest.mark.parametrize("plant", [_misspelt_option, _wrong_value, _text_for_a_number, _null, _misspelt_key])
def test_a_planted_fault_of_shape_is_found(plant: Callable[[Json], None]) -> None:
    board = json.loads(json.dumps(MADE["letta"]))
    plant(board)
    assert len(faults(board)) == 1


@pytest.mark.parametrize("key", MADE)
def test_what_types_do_not_see_is_well_in_either_flavour(key: str) -> None:
    assert unseen_by_types(MADE[key]) == []
    assert unseen_by_types(shared(MADE[key])) == []


def _same_number(board: Json) -> None:
    board["panels"][2]["id"] = board["panels"][1]["id"]


def _overlap(board: Json) -> None:
    board["panels"][2]["gridPos"] = dict(board["panels"][1]["gridPos"])


def _outside(board: Json) -> None:
    panel(board, "Requests by route")["gridPos"]["x"] = 20


def _undefined(board: Json) -> None:
    panel(board, "Requests by route")["targets"][0]["expr"] = 'sum(rate(a_total{pod=~"$pod"}[$__rate_interval]))'


def _foreign_source(board: Json) -> None:
    panel(board, "Requests by route")["targets"][0]["datasource"] = {"type": "prometheus", "uid": "abc"}


def _no_promql(board: Json) -> None:
    panel(board, "Requests by route")["targets"][0]["expr"] = "sum(rate(a_total[5m])"


def _no_all(board: Json) -> None:
    del board["templating"]["list"][1]["allValue"]


def _other_uid(board: Json) -> None:
    board["uid"] = "letta"


def _no_tag(board: Json) -> None:
    board["tags"] = []


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (_same_number, "2 panels have the id"),
        (_overlap, "overlap"),
        (_outside, "outside the 24 columns"),
        (_undefined, "no variable is called 'pod'"),
        (_foreign_source, "is not the dashboard's variable"),
        (_no_promql, "is no PromQL"),
        (_no_all, "All without allValue"),
        (_other_uid, "must begin with letta-slo-"),
        (_no_tag, "no tag 'letta-slo'"),
    ],
)
def test_a_planted_fault_that_no_type_sees_is_found(plant: Callable[[Json], None], said: str) -> None:
    board = json.loads(json.dumps(MADE["letta"]))
    plant(board)
    assert said in "\n".join(unseen_by_types(board))


def nulls(found: Any, place: str = "") -> list[str]:
    if found is None:
        return [place]
    children = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    return [one for key, value in children for one in nulls(value, f"{place}.{key}")]


@pytest.mark.parametrize("key", MADE)
def test_only_the_number_and_the_lowest_threshold_are_null(key: str) -> None:
    assert [one for one in nulls(MADE[key]) if one != ".id" and not one.endswith("steps.0.value")] == []


def test_nothing_of_old_versions_of_grafana_is_left() -> None:
    text = json.dumps(MADE)
    old = "gnetId sharedCrosshair hideControls intervalFactor useTags tagsQuery xBucketNumber maxDataPoints".split()
    assert [one for one in old if f'"{one}"' in text] == []
    assert {board["schemaVersion"] for board in MADE.values()} == {42}


def test_each_query_has_a_step_that_leaves_rate_two_samples() -> None:
    intervals = {one["interval"] for board in MADE.values() for one in board["panels"] if "targets" in one}
    assert intervals == {"15s", "1m"}


def test_the_same_catalogue_gives_the_same_bytes() -> None:
    assert files(load(), Links()) == FILES


def test_a_panel_keeps_its_number_when_another_comes_before_it() -> None:
    one = Panel("A", Kind.TIMESERIES, "It.", "So.", "Look at it.", (Query("up", "x"),), no_data="none")
    other = Panel("B", Kind.TIMESERIES, "It.", "So.", "Look at it.", (Query("up", "x"),), no_data="none")
    alone = Dashboard("k", "K", "", (Row("R", (other,)),))
    both = Dashboard("k", "K", "", (Row("R", (one, other)),))
    numbers = [{place.what.title: place.id for place in places(board)} for board in (alone, both)]
    assert numbers[0]["B"] == numbers[1]["B"]


def test_two_panels_of_one_title_in_a_row_are_refused() -> None:
    one = Panel("A", Kind.TIMESERIES, "It.", "So.", "Look at it.", (Query("up", "x"),), no_data="none")
    with pytest.raises(DashboardError, match="get one number: rename one"):
        rendered(Dashboard("k", "K", "", (Row("R", (one, one)),)), Links())


def test_the_provisioned_flavour_asks_for_no_data_source_and_is_not_edited_by_hand() -> None:
    for board in MADE.values():
        assert "__inputs" not in board
        assert board["id"] is None
        assert board["editable"] is False
        (source,) = [one for one in board["templating"]["list"] if one["type"] == "datasource"]
        assert source["current"]["value"] == "default"


def test_the_shared_flavour_asks_for_the_data_source_and_names_what_it_needs() -> None:
    for board in MADE.values():
        found = shared(board)
        (asked,) = found["__inputs"]
        (source,) = [one for one in found["templating"]["list"] if one["type"] == "datasource"]
        assert source["current"]["value"] == f"${{{asked['name']}}}"
        needed = {one["id"] for one in found["__requires"] if one["type"] == "panel"}
        assert needed == {one["type"] for one in found["panels"]} - {"row"}
        assert found["editable"] is True


def test_files_are_there_for_provisioning_for_import_and_for_kubernetes() -> None:
    each = {f"{flavour}/{key}.json" for flavour in ("provisioning", "share") for key in MADE}
    assert set(FILES) == each | {"provisioning/provider.yaml", "kubernetes/letta-slo-dashboards.yaml"}
    assert all("Generated by `letta-slo render`" in text for text in FILES.values())
    (provider,) = yaml.safe_load(FILES["provisioning/provider.yaml"])["providers"]
    assert provider["type"] == "file"
    maps = list(yaml.safe_load_all(FILES["kubernetes/letta-slo-dashboards.yaml"]))
    assert [one["metadata"]["labels"]["grafana_dashboard"] for one in maps] == ["1"] * len(MADE)
    held = {name: json.loads(text) for one in maps for name, text in one["data"].items()}
    assert held == {f"letta-slo-{key}.json": board for key, board in MADE.items()}
    assert max(len(text.encode()) for one in maps for text in one["data"].values()) < 1024 * 1024


def test_the_committed_files_are_what_would_be_written() -> None:
    from tests.unit.test_dashboards_content import ROOT

    folder = ROOT / "dashboards" / "rendered"
    there = {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()}
    assert there == FILES
