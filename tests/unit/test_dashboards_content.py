"""What the seven dashboards hold: names from one place, numbers from the catalogue, what to do beside each panel."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from letta_otel.conventions import metrics as m

from alerts import names
from alerts.errors import RuleError
from alerts.links import Links
from alerts.lint.vocabulary import shipped
from alerts.platform import load as shipped_alarms
from alerts.platform.limits import begins_at
from alerts.promql import selectors
from alerts.rendering import every_group
from dashboards import exporters
from dashboards.checking import expressions, substituted
from dashboards.content import all_dashboards
from dashboards.errors import DashboardError
from dashboards.grafana import rendered
from dashboards.spec import Dashboard, Kind, Panel, Query, ToDashboard, ToRunbook
from probe import counters as probe
from slo.catalog import load
from slo.maintenance import parse as maintenance

ROOT = Path(__file__).parents[2]
KEYS = ("fleet", "objective", "letta", "bridge", "stores", "platform", "run")
BOARDS = {one.key: one for one in all_dashboards(load())}
PANELS = [pytest.param(panel, id=f"{key}-{panel.title}") for key, one in BOARDS.items() for panel in one.panels]
PARTS = ("_bucket", "_count", "_sum")


def read_by(board: Dashboard) -> set[str]:
    found = expressions(rendered(board, Links()))
    return {one.metric for _, expression in found for one in selectors(substituted(expression))}


def exported() -> set[str]:
    """Every name that is exported: by ours, by exporters that were asked for theirs, by the rules, and by the probe."""
    recorded = {rule["record"] for group in every_group(load(), Links()) for rule in group["rules"] if "record" in rule}
    probes = probe.Counters(load(), ["message"]).registry.collect()
    of_probe = {probe.EVENTS, probe.GOOD} | {one.name + part for one in probes for part in ("", *PARTS)}
    return set(shipped()) | recorded | of_probe


def test_there_are_seven_and_links_of_alerts_find_them() -> None:
    assert tuple(BOARDS) == KEYS
    assert [one.uid for one in BOARDS.values()] == [f"letta-slo-{key}" for key in KEYS]
    linked = {
        rule["annotations"]["dashboard_url"].split("/d/")[1].split("?")[0]
        for group in every_group(load(), Links())
        for rule in group["rules"]
        if "dashboard_url" in rule.get("annotations", {})
    }
    assert linked
    assert linked <= {one.uid for one in BOARDS.values()}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_why_and_what_to_do(panel: Panel) -> None:
    if panel.kind is Kind.TEXT:
        assert panel.text
        return
    assert panel.what.endswith(".")
    assert panel.why.endswith(".")
    assert len(panel.do) > 10
    assert panel.no_data


@pytest.mark.parametrize("key", KEYS)
def test_every_series_that_is_read_is_one_that_somebody_exports(key: str) -> None:
    assert read_by(BOARDS[key]) - exported() == set()


def test_a_name_that_nobody_exports_would_be_found() -> None:
    board = BOARDS["fleet"]
    row = board.rows[0]
    wrong = replace(row.panels[0], queries=(Query("count(slo:objectives:ratio)", "x"),))
    assert read_by(replace(board, rows=(replace(row, panels=(wrong,)),))) - exported() == {"slo:objectives:ratio"}


def test_every_metric_of_ours_is_shown_somewhere() -> None:
    shown = set().union(*(read_by(one) for one in BOARDS.values()))
    missing = [one.prometheus for one in m.ALL.values() if not {one.prometheus + part for part in ("", *PARTS)} & shown]
    assert missing == []


def test_every_name_of_an_exporter_that_is_kept_is_used() -> None:
    shown = set().union(*(read_by(one) for one in BOARDS.values()))
    kept = {value for name, value in vars(exporters).items() if name.isupper() and isinstance(value, str)}
    assert {one for one in kept if not any(read.startswith(one) for read in shown)} == set()


def test_the_probes_names_are_those_of_the_probe() -> None:
    assert (exporters.PROBE_EVENTS, exporters.PROBE_GOOD) == (probe.EVENTS, probe.GOOD)
    counted = {family.name for family in probe.Counters(load(), ["message"]).registry.collect()}
    assert {exporters.PROBE_LAST_GOOD, exporters.PROBE_DURATION} <= counted


def test_no_number_of_the_catalogue_is_typed_in_a_dashboard() -> None:
    whole = load()
    (message,) = [one for one in whole.objectives if one.name == "letta-message-latency"]
    other = replace(message, target=Fraction(7, 10), samples=replace(message.samples, limit_s=Fraction(3)))
    changed = replace(whole, objectives=tuple(other if one.name == message.name else one for one in whole.objectives))
    letta = next(one for one in all_dashboards(changed) if one.key == "letta")
    durations = next(one for one in letta.panels if one.title == "Duration of messages")
    assert [step.above for step in durations.steps] == [None, Fraction(3)]
    good = next(one for one in letta.panels if one.title.startswith(message.title))
    assert good.queries[1].expr == "vector(0.7)"


def test_no_name_of_a_metric_of_ours_is_typed_in_a_dashboard() -> None:
    ours = [one.prometheus for one in m.ALL.values()] + [names.OBJECTIVE, names.BUDGET_LEFT, names.EXHAUSTED_IN]
    typed = re.compile(rf"[\"'{{( ]({'|'.join(map(re.escape, ours))})(_bucket|_count|_sum)?\b")
    texts = {file: file.read_text() for file in (ROOT / "dashboards" / "content").glob("*.py")}
    assert [(file.name, found[1]) for file, text in texts.items() for found in typed.finditer(text)] == []
    assert typed.search('f"sum(rate(letta_bridge_requests_total[5m]))"')


def test_an_objective_in_the_catalogue_is_on_the_dashboards_without_further_work() -> None:
    whole = load()
    (one,) = [one for one in whole.objectives if one.name == "bridge-success"]
    added = replace(one, name="bridge-new", total_query='new_total{kind="a"}', good_query='new_good_total{kind="a"}')
    made = {one.key: one for one in all_dashboards(replace(whole, objectives=(*whole.objectives, added)))}
    assert {key for key, board in made.items() if "new_total" in read_by(board)} == {"bridge", "objective", "run"}


@pytest.mark.parametrize("name", ["letta-api-availability", "bridge-success", "bridge-no-message-lost"])
def test_a_catalogue_of_one_objective_still_makes_all_dashboards(name: str) -> None:
    whole = load()
    (one,) = [one for one in whole.objectives if one.name == name]
    made = all_dashboards(replace(whole, objectives=(one,)))
    assert [board.key for board in made] == list(KEYS)
    for board in made:
        rendered(board, Links())


def test_planned_maintenance_is_a_mark_where_the_catalogue_has_some() -> None:
    whole = load()
    worked_on = replace(whole.objectives[0], maintenance=maintenance("daily 02:00-03:00 UTC"))
    changed = replace(whole, objectives=(worked_on, *whole.objectives[1:]))
    marks = {
        board.key: [one.name for one in board.annotations if names.MAINTENANCE in one.expr]
        for board in all_dashboards(changed)
    }
    assert {key for key, found in marks.items() if found} == {"fleet", "objective"}
    assert not any(names.MAINTENANCE in one.expr for board in BOARDS.values() for one in board.annotations)


def test_what_is_grouped_by_a_label_names_it_in_its_legend() -> None:
    by = re.compile(r"by \(([^)]*)\)")
    nameless = []
    for board in BOARDS.values():
        for panel in board.panels:
            if panel.kind in (Kind.TABLE, Kind.HEATMAP):
                continue
            for one in panel.queries:
                groups = [[name.strip() for name in found.split(",")] for found in by.findall(one.expr)]
                outer = {name for group in groups[:1] for name in group if name not in ("le", "")}
                if one.legend != "__auto" and outer and not outer & set(re.findall(r"{{(\w+)}}", one.legend)):
                    nameless.append((board.key, panel.title, one.legend, outer))
    assert nameless == []


def test_every_runbook_that_a_panel_leads_to_is_there() -> None:
    ways = [way for board in BOARDS.values() for panel in board.panels for way in panel.links]
    led = {way.name for way in ways if isinstance(way, ToRunbook)}
    assert led
    assert [name for name in sorted(led) if not (ROOT / "alerts" / "runbooks" / f"{name}.md").is_file()] == []
    assert {way.key for way in ways if isinstance(way, ToDashboard)} <= set(KEYS)


def test_a_panel_without_a_text_for_no_data_is_refused() -> None:
    with pytest.raises(DashboardError, match="'Rate': needs queries, a text for no data"):
        Panel("Rate", Kind.TIMESERIES, "A rate.", "Because.", "Look.", (Query("up", "x"),))


def test_a_panel_that_is_too_wide_is_refused() -> None:
    with pytest.raises(DashboardError, match="width 25"):
        Panel("Rate", Kind.TIMESERIES, "A rate.", "Because.", "Look.", (Query("up", "x"),), no_data="none", width=25)


@pytest.mark.parametrize(
    ("board", "title", "warn", "bad"),
    [
        ("platform", "CPU", "0.7", "0.9"),
        ("run", "CPU of the target", "0.7", "0.9"),
        ("platform", "Memory", "0.7", None),
        ("platform", "Disk in use", "0.7", "0.95"),
        ("platform", "Disk busy", "0.9", None),
        ("bridge", "Age of the oldest request", "2", None),
        ("letta", "Duration of a call by model", "2", None),
        ("stores", "Duration by command", "0.5", None),
        ("stores", "Search among vectors", "0.1", None),
    ],
)
def test_a_panel_gets_its_colours_where_alarms_begin(board: str, title: str, warn: str, bad: str | None) -> None:
    panel = next(one for one in BOARDS[board].panels if one.title == title)
    worst = [] if bad is None else [Fraction(bad)]
    assert [step.above for step in panel.steps] == [None, Fraction(warn), *worst]


def test_disks_are_those_of_the_alarms() -> None:
    alarm = next(one for one in shipped_alarms() if one.name == "HostDiskFull")
    (looked_at,) = {one.matched("fstype") for one in selectors(alarm.expression)} - {None}
    panels = [one for one in BOARDS["platform"].panels if one.title.startswith("Disk ")]
    texts = [substituted(query.expr) for panel in panels for query in panel.queries]
    asked = {one.matched("fstype") for text in texts for one in selectors(text)}
    assert asked - {None} == {looked_at}


def test_colours_begin_where_alarms_do() -> None:
    assert begins_at("HostCpuHigh") == Fraction(7, 10)
    assert begins_at("CollectorQueueFills") == Fraction(1, 2)
    with pytest.raises(RuleError, match="no alarm 'Nothing'"):
        begins_at("Nothing")
