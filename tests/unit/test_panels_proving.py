"""What the proof sees in answers: nothing, NaN, impossible values, labels that are missing, exceptions not needed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from dashboards.errors import DashboardError
from dashboards.proof.coverage import coverage
from dashboards.proof.exceptions import Exemption, read_exceptions
from dashboards.proof.families import family
from dashboards.proof.filling import built_in, fill
from dashboards.proof.finding import Kind
from dashboards.proof.proving import Proof, prove
from dashboards.proof.series import Series, Stretch
from tests.panels import SERVED, STRETCH, StandIn, board, panel, series, target, variable

ROUTES = [series(1, 2, route="/a"), series(0, 1, route="/b")]


def proven(
    *panels: dict[str, Any], ask: StandIn | None = None, excused: tuple[Exemption, ...] = (), **more: Any
) -> Proof:
    (proof,) = prove([board(*panels, **more)], ask or StandIn({"requests_total": ROUTES}), STRETCH, excused)
    return proof


def kinds(*panels: dict[str, Any], **more: Any) -> list[Kind]:
    return [one.kind for one in proven(*panels, **more).findings]


def test_a_panel_that_shows_something_sane_has_no_finding_and_keeps_what_it_showed() -> None:
    proof = proven(panel(target(SERVED, "{{route}}")))
    assert proof.findings == ()
    assert proof.asked == 1
    assert proof.panel("Requests").values == (1, 2, 0, 1)


def test_a_panel_is_found_by_its_title_only_when_there_is_one() -> None:
    with pytest.raises(LookupError, match="small: 0 panels are called 'Replies'"):
        proven(panel(target(SERVED))).panel("Replies")


def test_a_misspelt_metric_is_empty() -> None:
    (found,) = proven(panel(target("sum(rate(requets_total[5m]))"))).findings
    assert str(found) == "small / Requests / A: empty: sum(rate(requets_total[5m]))"


def test_a_series_of_nan_alone_is_not_something() -> None:
    ask = StandIn({"requests_total": [series(math.nan, math.inf)]})
    assert kinds(panel(target(SERVED)), ask=ask) == [Kind.NAN]


def test_what_the_prometheus_refuses_is_said_with_its_reason() -> None:
    (found,) = proven(panel(target(SERVED)), ask=StandIn(refuse="requests")).findings
    assert (found.kind, found.found) == (Kind.REFUSED, "parse error")


@pytest.mark.parametrize(
    ("unit", "value", "is_found"),
    [
        ("percentunit", 1.0005, False),
        ("percentunit", 1.2, True),
        ("percentunit", -0.1, True),
        ("percent", 100.05, False),
        ("percent", 140.0, True),
        ("s", -0.5, False),
        ("s", -20.0, True),
        ("bytes", -1.0, True),
        ("reqps", -0.1, True),
        ("short", -7.0, False),
    ],
)
def test_a_value_that_the_unit_does_not_allow_is_found(unit: str, value: float, is_found: bool) -> None:
    made = panel(target("some_gauge"), unit=unit)
    assert (Kind.RANGE in kinds(made, ask=StandIn({"some_gauge": [series(value)]}))) is is_found


def test_an_error_budget_may_be_overdrawn() -> None:
    made = panel(target("slo:error_budget_left:ratio"), unit="percentunit")
    assert kinds(made, ask=StandIn({"slo:": [series(-3.5)]})) == []
    assert kinds(made, ask=StandIn({"slo:": [series(1.5)]})) == [Kind.RANGE]


def test_a_panel_whose_scale_reaches_further_means_that() -> None:
    made = panel(target("some_gauge"), unit="percentunit", defaults={"max": 2})
    assert kinds(made, ask=StandIn({"some_gauge": [series(1.5)]})) == []


def test_a_label_of_the_legend_that_no_series_has_is_found() -> None:
    (found,) = proven(panel(target(SERVED, "{{route}} {{method}}"))).findings
    assert found.kind is Kind.LABEL
    assert found.found == "the legend says {{method}}, which none of 2 series has"


def test_a_series_of_whose_legend_nothing_is_left_is_found() -> None:
    ask = StandIn({"requests_total": [series(1, route="/a"), series(2, error_type="timeout")]})
    (found,) = proven(panel(target(SERVED, "{{error_type}}")), ask=ask).findings
    assert found.found == "the legend '{{error_type}}' leaves 1 of 2 series without a name, such as {'route': '/a'}"


def test_a_label_that_the_registry_has_as_one_that_is_not_always_there_may_be_absent() -> None:
    spans = "sum by (job, error_type) (rate(otel_sdk_processor_span_processed_total[5m]))"
    ask = StandIn({"otel_sdk": [series(1, job="a")]})
    assert kinds(panel(target(spans, "{{job}} {{error_type}}"), unit="ops"), ask=ask) == []
    assert kinds(panel(target(spans, "{{job}} {{error_typ}}"), unit="ops"), ask=ask) == [Kind.LABEL]


def test_a_query_of_a_table_is_asked_at_the_end_alone() -> None:
    times: list[tuple[float, float]] = []

    def ask(_expression: str, from_s: float, to_s: float, _step_s: float) -> list[Series]:
        times.append((from_s, to_s))
        return [series(1)]

    list(prove([board(panel(target("some_gauge", instant=True)))], ask, STRETCH))
    assert times == [(1300.0, 1300.0)]


def test_variables_are_filled_with_all_and_then_with_single_values_until_one_shows_something() -> None:
    ask = StandIn({"group by (job)": [series(1, job="a"), series(1, job="b")], 'job=~"a"': [], "gauge": ROUTES})
    made = panel(target('some_gauge{job=~"$job"}'), unit="short")
    proof = proven(made, ask=ask, variables=[variable("job", "label_values(up, job)")])
    assert proof.findings == ()
    assert ask.asked == ["group by (job) (up)", *(f'some_gauge{{job=~"{one}"}}' for one in (".+", "a", "b"))]


def test_a_panel_that_no_single_value_of_a_variable_shows_is_found() -> None:
    ask = StandIn({"group by (job)": [series(1, job="a")], 'job=~"a"': [], "gauge": ROUTES})
    made = panel(target('some_gauge{job=~"$job"}'), unit="short")
    (found,) = proven(made, ask=ask, variables=[variable("job", "label_values(up, job)")]).findings
    assert found.found == "with All there is something, with no single value of $job"


def test_a_variable_may_name_one_before_it() -> None:
    ask = StandIn({"group by (job)": [series(1, job="a")], "group by (instance)": [series(1, instance="i")]})
    made = [
        variable("job", "label_values(job)", includeAll=False),
        variable("at", 'label_values(up{job="$job"}, instance)'),
    ]
    proven(panel(target("some_gauge")), ask=ask, variables=made)
    assert ask.asked[:2] == ['group by (job) ({__name__!=""})', 'group by (instance) (up{job="a"})']


@pytest.mark.parametrize(
    ("query", "kind", "said"),
    [
        ("label_values(nothing, job)", Kind.VARIABLE, "label_values(nothing, job) gives nothing"),
        ("nonsense", Kind.REFUSED, "'nonsense' is no query of a variable"),
        ("label_values(bad, job)", Kind.REFUSED, "parse error"),
    ],
)
def test_a_variable_without_a_value_is_found(query: str, kind: Kind, said: str) -> None:
    ask = StandIn({"some_gauge": ROUTES}, refuse="(bad)")
    (found,) = proven(panel(target("some_gauge"), unit="short"), ask=ask, variables=[variable("job", query)]).findings
    assert (found.kind, found.panel) == (kind, "variable job")
    assert said in found.found


def test_an_annotation_that_marks_nothing_is_found() -> None:
    (found,) = proven(panel(target(SERVED)), annotations=[{"name": "Starts", "expr": "changes(up[5m])"}]).findings
    assert str(found) == "small / annotation Starts: empty: changes(up[5m])"


def test_an_exception_excuses_an_empty_query_and_nothing_else() -> None:
    excused = Exemption("small", "Requests", "A", "nobody asks in this test")
    made = panel(target("sum(rate(requets_total[5m]))", "{{route}}"), unit="s")
    assert kinds(made, excused=(excused,)) == [Kind.UNIT]


def test_an_exception_that_is_not_needed_any_more_is_a_finding() -> None:
    excused = Exemption("small", "Requests", "A", "nobody asks in this test")
    (found,) = proven(panel(target(SERVED)), excused=(excused,)).findings
    assert found.kind is Kind.EXCEPTION
    assert found.found == "the query gives something; take the entry out"


def test_an_exception_for_a_query_that_is_not_there_is_a_finding() -> None:
    excused = Exemption("small", "Requests", "B", "nobody asks in this test")
    (found,) = proven(panel(target(SERVED)), excused=(excused,)).findings
    assert found.found == "there is no such query; take the entry out"


def test_the_shipped_list_of_exceptions_can_be_read() -> None:
    assert len(read_exceptions()) <= 5


_ENTRY = "{dashboard: a, panel: b, query: A, reason: c}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1", "found dict; allowed is a list of 5 at most"),
        (f"[{', '.join([_ENTRY] * 6)}]", "found 6 entries; allowed is a list of 5 at most"),
        ("[{dashboard: a}]", "entry 1: found"),
        (f"[{_ENTRY.replace('c}', chr(39) * 2 + '}')}]", "entry 1: found"),
        ("[", "cannot be read"),
    ],
)
def test_a_list_of_exceptions_that_cannot_be_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "exceptions.yaml"
    file.write_text(text)
    with pytest.raises(DashboardError) as found:
        read_exceptions(file)
    assert complaint in str(found.value)


def test_coverage_says_what_is_shown_nowhere_and_what_nobody_exposes() -> None:
    made = board(panel(target(SERVED), target("rate(gone_seconds_count[5m])", ref="B")))
    names = ("requests_total", "latency_seconds_bucket", "latency_seconds_count")
    ask = StandIn({"group by": [Series((("__name__", name),), ((1.0, 1.0),)) for name in names]})
    found = coverage([made], ask, STRETCH)
    assert found.never_shown == ("latency_seconds",)
    assert found.never_exposed == ("gone_seconds_count",)


@pytest.mark.parametrize(
    ("series", "metric"),
    [
        ("latency_seconds_bucket", "latency_seconds"),
        ("latency_seconds_count", "latency_seconds"),
        ("db_client_connection_count", "db_client_connection_count"),
        ("requests_total", "requests_total"),
    ],
)
def test_a_part_of_a_histogram_is_told_from_a_gauge_that_is_called_count(series: str, metric: str) -> None:
    assert family(series) == metric


@pytest.mark.parametrize("text", ["$job", "${job}", "${job:regex}", "[[job]]"])
def test_a_variable_is_filled_in_whatever_form(text: str) -> None:
    assert fill(f"up{{job=~'{text}'}}", {"job": "a"}) == "up{job=~'a'}"


def test_the_windows_of_grafana_are_those_that_it_documents() -> None:
    values = built_in(Stretch(0, 3600, 15))
    assert (values["__interval"], values["__rate_interval"], values["__range"]) == ("15000ms", "60000ms", "3600000ms")
    assert built_in(Stretch(0, 3600, 15), min_step_s=60)["__rate_interval"] == "240000ms"
    assert built_in(Stretch(0, 36_000, 15))["__rate_interval"] == "165000ms"
