"""What is read of the reports of wrk 4.1.0 and hey 0.1.4 (as they printed them), and of vegeta's JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bench.other_tools import Report, describe, found, read_hey, read_vegeta, read_wrk

_WRK = """\
Running 3s test @ http://127.0.0.1:36419/v1/agents/agent-00000000-0000-4000-8000-000000000000/messages
  1 threads and 1 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    22.83ms   10.39ms  72.21ms   76.26%
    Req/Sec    44.47      8.20    60.00     80.00%
  Latency Distribution
     50%   980.00us
     75%   28.35ms
     90%   33.63ms
     99%    1.58s
  134 requests in 3.01s, 104.29KB read
"""
_HEY = """
Response time histogram:
  0.006 [1]	|■
  0.013 [14]	|■■■■■■■■■■■■

Latency distribution:
  10% in 0.0127 secs
  50% in 0.0212 secs
  90% in 0.0327 secs
  95% in 0.0395 secs
  99% in 0.0723 secs

Status code distribution:
  [200]	148 responses
"""


def test_wrk_is_read_in_its_units_and_has_no_p95() -> None:
    report = read_wrk(_WRK)
    assert report.percentiles_ms == pytest.approx({50: 0.98, 99: 1580})
    assert report.bad == 0


def test_answers_that_wrk_calls_bad_and_its_socket_errors_are_counted() -> None:
    trouble = "  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 4399\n"
    assert read_wrk(_WRK + trouble).bad == 4405


def test_hey_is_read_in_seconds() -> None:
    report = read_hey(_HEY)
    assert report.percentiles_ms == pytest.approx({50: 21.2, 95: 39.5, 99: 72.3})
    assert report.bad == 0


def test_what_hey_got_no_good_answer_for_is_counted() -> None:
    trouble = '  [404]\t4 responses\n\nError distribution:\n  [7]\tGet "http://127.0.0.1:1/": connection refused\n'
    assert read_hey(_HEY + trouble).bad == 11


def test_vegeta_is_read_in_nanoseconds_and_a_status_of_zero_is_bad() -> None:
    latencies = {"mean": 1, "50th": 21_000_000, "90th": 30_000_000, "95th": 45_000_000, "99th": 64_000_000, "max": 9}
    text = json.dumps({"latencies": latencies, "status_codes": {"200": 90, "0": 7, "503": 3}})
    assert read_vegeta(text + "\n") == Report({50: 21, 95: 45, 99: 64}, 10)


@pytest.mark.parametrize("read", [read_wrk, read_hey, read_vegeta])
def test_a_tool_that_printed_no_percentiles_is_an_error(read: Callable[[str], Report]) -> None:
    with pytest.raises((ValueError, LookupError)):
        read("command not found\n")


def test_a_tool_that_is_not_on_the_path_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert found() == {}
    assert [line.split(";")[0] for line in describe()] == [f"{n}: not installed" for n in ("wrk", "hey", "vegeta")]
