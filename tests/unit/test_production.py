"""Selectors of the catalogue, native histograms, chunks and odd answers: against a fake that returns fixed JSON."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from production.client import Prometheus
from production.errors import PrometheusError, QueryError
from production.reading import read
from production.selector import count_in, parse
from slo.catalog import load


def test_a_selector_is_read_with_its_matchers_and_its_edge_in_either_spelling() -> None:
    found = parse('requests_bucket{job="a,b",status!~"5..",le="2"}')
    assert found.classic == r'requests_bucket{job="a,b",status!~"5..",le=~"2|2\\.0"}'
    assert found.native == 'requests{job="a,b",status!~"5.."}'
    assert parse("requests_total").classic == "requests_total"
    assert parse("requests_total").native is None
    assert parse('x_bucket{le="0.5"}').classic == r'x_bucket{le=~"0\\.5"}'
    assert parse('x_bucket{le="+Inf"}').classic == r'x_bucket{le=~"\\+Inf"}'


@pytest.mark.parametrize("query", ["sum(x)", "rate(x[5m])", "x[5m]", "x{a=b}", 'x_bucket{le="two"}', "", "x{", "x y"])
def test_what_is_no_selector_is_refused_by_name(query: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(query)
    assert query in str(refused.value)


def test_every_query_of_the_catalogue_is_a_selector() -> None:
    for objective in load().objectives:
        for query in (objective.good_query, objective.bad_query, objective.total_query):
            assert query is None or parse(query).name


NATIVE = {"count": "12", "sum": "9.5", "buckets": [[0, "0.5", "1", "7"], [0, "1", "2", "3"], [0, "2", "4", "2"]]}


def test_a_native_histogram_is_counted_up_to_an_edge_of_its_buckets() -> None:
    assert count_in(NATIVE, parse('x_bucket{le="2"}')) == 10
    assert count_in(NATIVE, parse("x_count")) == 12
    with pytest.raises(QueryError, match=r"1\.5 is no bucket edge"):
        count_in(NATIVE, parse('x_bucket{le="1.5"}'))


Answer = Callable[[dict[str, str]], httpx.Response]


def server(answer: Answer) -> Prometheus:
    def respond(request: httpx.Request) -> httpx.Response:
        asked = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        return answer(asked)

    client = httpx.Client(transport=httpx.MockTransport(respond), base_url="http://prometheus")
    return Prometheus(client, "http://prometheus")


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> httpx.Response:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": result}})


def test_a_long_window_is_asked_for_in_pieces_and_a_sample_on_the_seam_counts_once() -> None:
    asked_for: list[float] = []

    def answer(asked: dict[str, str]) -> httpx.Response:
        end = float(asked["time"])
        asked_for.append(end)
        return matrix(({"job": "a"}, [(end - 21600, "1"), (end - 10, "2"), (end, "3")]))

    (found,) = server(answer).raw("x", 0.0, 50_000.0)
    assert asked_for == [21_600.0, 43_200.0, 50_000.0]
    times = [time for time, _ in found.samples]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("response", "kind", "says"),
    [
        (httpx.Response(200, text="<html>"), PrometheusError, "no JSON"),
        (httpx.Response(401, json={}), PrometheusError, "LETTA_SLO_AOM_ACCESS_CODE"),
        (httpx.Response(200, json={"data": {}}), PrometheusError, "not like a Prometheus"),
        (httpx.Response(200, json=[]), PrometheusError, "not like a Prometheus"),
        (httpx.Response(400, json={"error": "parse error at char 3"}), QueryError, "parse error at char 3"),
    ],
)
def test_odd_answers_are_named(response: httpx.Response, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        server(lambda _: response).raw("x", 0.0, 60.0)


def _by_query(table: dict[str, list[tuple[float, str]]]) -> Answer:
    def answer(asked: dict[str, str]) -> httpx.Response:
        for start, values in table.items():
            if asked["query"].startswith(start):
                return matrix(({"job": "b", "instance": "1"}, values))
        return matrix()

    return answer


def test_good_events_that_run_far_ahead_of_all_events_are_an_error_of_the_queries() -> None:
    table = {
        "letta_bridge_requests_total": [(0.0, "0"), (60.0, "10")],
        "letta_bridge_response_duration_seconds_count": [(0.0, "0"), (60.0, "500")],
    }
    with pytest.raises(QueryError, match="490 more good events"):
        read(server(_by_query(table)), load().objective("bridge-success"), 0.0, 60.0)


def test_a_first_value_that_nobody_can_date_is_left_out_and_forbids_met() -> None:
    table = {
        "letta_bridge_requests_total": [(30.0, "900"), (45.0, "910"), (60.0, "920")],
        "letta_bridge_response_duration_seconds_count": [(30.0, "900"), (45.0, "910"), (60.0, "920")],
    }
    found = read(server(_by_query(table)), load().objective("bridge-success"), 0.0, 60.0)
    assert found.total == 20
    assert any("may be older than the window" in doubt for doubt in found.doubts)


def test_requests_on_their_way_are_bad_only_if_they_never_arrive() -> None:
    """The total counts a request when it comes, good when it is answered: here 15 s apart, and one never is."""
    table = {
        "letta_bridge_requests_total": [(0.0, "0"), (15.0, "10"), (30.0, "20"), (45.0, "20")],
        "letta_bridge_response_duration_seconds_count": [(0.0, "0"), (15.0, "0"), (30.0, "10"), (45.0, "19")],
    }
    found = read(server(_by_query(table)), load().objective("bridge-success"), 0.0, 45.0)
    assert found.counts.bad.tolist() == [1, 0, 0]  # the earliest that it can have been
    assert int(found.counts.good.sum()) == 19


def test_the_value_at_the_end_of_the_window_counts_whatever_its_fraction_of_a_millisecond() -> None:
    """A real Prometheus rounds the times that it is asked for to milliseconds, up or down."""
    for fraction in (0.0004, 0.0005, 0.0006, 0.9996):

        def answer(asked: dict[str, str]) -> httpx.Response:
            labels = {"job": "b", "instance": "1"}
            return matrix((labels, [(float(asked["start"]), "0"), (float(asked["end"]), "7")]))

        end = 1_795_257_784 + fraction
        found = read(server(answer), load().objective("bridge-success"), end - 60, end, step_s=60.0)
        assert found.total == 7
