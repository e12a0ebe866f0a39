"""The page that stands in for Grafana: what it says of itself, what it draws, and that nothing in it can run."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dashboards.proof.drawing import Frame, Line, field, lines
from dashboards.proof.formats import legend, say
from dashboards.proof.preview import SAID, page
from dashboards.proof.proving import prove
from dashboards.proof.series import Stretch
from tests.panels import STRETCH, StandIn, board, panel, series, target

ASK = StandIn({"nothing": [], "gauge": [series(1, 2, 3, route="/a"), series(0, math.nan, 1, route="/b")]})
FRAME = Frame(400, 200, STRETCH, "s")


def drawn(*panels: dict[str, Any]) -> str:
    return page(prove([board(*panels)], ASK, STRETCH), STRETCH)


def test_the_page_says_in_its_banner_and_its_title_that_it_is_not_grafana() -> None:
    found = drawn(panel(target("some_gauge")))
    assert found.count(SAID.replace("'", "&#x27;")) == 2


def test_the_page_is_the_same_for_the_same_answers() -> None:
    assert drawn(panel(target("some_gauge"))) == drawn(panel(target("some_gauge")))


def test_lines_are_drawn_with_their_legend_and_last_value() -> None:
    found = drawn(panel(target("some_gauge", "route {{route}}"), unit="s"))
    assert found.count("<path") == 2
    assert "route /a 3 s" in found


def test_a_gap_in_a_series_stays_open() -> None:
    whole, broken = (series(1, 1, 1, 1, 1), series(1, 1, *([math.nan] * 6), 1, 1))
    assert lines(FRAME, [Line("", whole)], ()).count("M") == 1
    assert lines(FRAME, [Line("", broken)], ()).count("M") == 2


def test_a_panel_without_data_says_what_it_would_say_in_grafana() -> None:
    assert "nobody asks" in drawn(panel(target("nothing")))


def test_a_stat_shows_the_last_value_in_the_colour_of_its_threshold() -> None:
    steps = [{"value": None, "color": "green"}, {"value": 2, "color": "red"}]
    found = drawn(panel(target("some_gauge"), type="stat", unit="short", defaults={"thresholds": {"steps": steps}}))
    assert '<b style="color:#c03a3a">3</b>' in found
    assert '<b style="color:#3d8b5f">1</b>' in found


def test_the_queries_of_a_table_are_joined_by_their_labels() -> None:
    organise = {"id": "organize", "options": {"renameByName": {"Value #A": "Now"}}}
    made = panel(target("some_gauge"), target("a_gauge", ref="B"), type="table", transformations=[organise])
    found = drawn(made)
    assert "<th>route</th><th>Now</th><th>Value #B</th>" in found
    assert found.count("<tr>") == 3


def test_a_heatmap_takes_apart_what_buckets_hold_together() -> None:
    buckets = [series(4, 4, le="1"), series(4, 4, le="2"), series(9, 9, le="+Inf")]
    found = field(FRAME, [Line(one.label("le"), one) for one in buckets])
    assert found.count("<rect") == 4  # nothing fell between 1 and 2


def test_states_text_and_rows_are_drawn() -> None:
    states = panel(target("some_gauge", "{{route}}"), type="state-timeline")
    text = {"type": "text", "title": "How", "options": {"content": "Read *this*"}}
    found = drawn(states, text, {"type": "row", "title": "Below"})
    assert found.count("<rect") == 5
    assert "Read *this*" in found
    assert "Below" in found


def test_what_labels_say_cannot_run() -> None:
    ask = StandIn({"gauge": [series(1, 2, route="<script>alert(1)</script>")]})
    made = [
        panel(target("some_gauge", "{{route}}"), type=kind)
        for kind in ("timeseries", "table", "stat", "state-timeline")
    ]
    found = page(prove([board(*made)], ask, STRETCH), STRETCH)
    assert "<script" not in found
    assert "&lt;script&gt;" in found


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0123, "s", "12.3 ms"),
        (7200, "s", "2 h"),
        (250, "µs", "250 µs"),
        (1536, "bytes", "1.5 KiB"),
        (2048, "Bps", "2 KiB/s"),
        (0.9951, "percentunit", "99.5%"),
        (12.5, "percent", "12.5%"),
        (1234, "short", "1.23 K"),
        (0, "short", "0"),
        (0.25, "reqps", "0.25 req/s"),
        (math.nan, "s", "nan"),
    ],
)
def test_a_number_is_said_in_its_unit(value: float, unit: str, said: str) -> None:
    assert say(value, unit) == said


def test_a_series_without_a_legend_is_called_by_its_labels() -> None:
    assert legend("", {"__name__": "up", "job": "a"}) == "job=a"
    assert legend("__auto", {"__name__": "up"}) == "up"
    assert legend("{{job}} up", {"job": "a"}) == "a up"


def test_one_value_alone_is_drawn_too() -> None:
    assert "h4" in lines(Frame(400, 200, Stretch(0, 10), "short"), [Line("", series(1))], ())
