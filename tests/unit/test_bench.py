"""What the benchmarks compute: only the pure parts, nothing is measured here."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import BENCHMARKS
from bench.cpu import CpuTrace
from bench.figures import Spread, error_percent, percentiles, table, undisturbed_ms
from bench.runs import cpu_us_per_request
from bench.target import Truth

_S = 1_000_000_000


def undisturbed(stall_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return undisturbed_ms(500.0, 20.0, stall_at_s=9.0, stall_s=stall_s, service_ms=20.0)


def test_without_a_stall_every_request_takes_the_service_time() -> None:
    assert undisturbed(0.0) == pytest.approx(np.full(10_000, 20.0))


def test_a_stall_of_two_seconds_at_500_a_second_delays_a_thousand_arrivals_and_the_ten_in_service() -> None:
    times_ms = undisturbed(2.0)
    assert len(times_ms) == 10_000
    assert np.count_nonzero(times_ms > 20.1) == 1_010


def test_the_longest_wait_is_the_stall_and_one_service_time() -> None:
    assert undisturbed(2.0).max() == pytest.approx(2_020, abs=2.1)


def test_half_of_the_delayed_arrivals_wait_longer_than_half_the_stall() -> None:
    p50, p95, p99 = percentiles(undisturbed(2.0))
    # 500 and 100 of 10,000 wait longer; the ten in service push both one service time further than arrivals alone.
    assert (p50, p95, p99) == pytest.approx((20, 1_040, 1_840), abs=2.1)


@given(st.floats(0.01, 5.0), st.floats(0.0, 100.0))
def test_a_stalled_target_never_answers_sooner_than_its_service_time(stall_s: float, service_ms: float) -> None:
    times_ms = undisturbed_ms(50.0, 20.0, stall_at_s=9.0, stall_s=stall_s, service_ms=service_ms)
    assert times_ms.min() >= service_ms - 1e-6
    assert times_ms.max() <= stall_s * 1e3 + service_ms + 1e-6


def test_a_spread_names_least_middle_and_greatest() -> None:
    assert Spread.of([3.0, 1.0, 2.0]).text(1) == "2.0 (1.0 to 3.0)"


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])


def test_percentiles_of_nothing_are_no_numbers() -> None:
    assert all(np.isnan(percentiles(np.empty(0))))


def test_a_report_below_the_truth_has_a_negative_error() -> None:
    assert error_percent(43.0, 1_020.0) == pytest.approx(-95.78, abs=0.01)
    assert error_percent(110.0, 100.0) == pytest.approx(10.0)


def test_a_table_lines_up_names_to_the_left_and_figures_to_the_right() -> None:
    assert table(("tool", "p95"), [("a", "1"), ("longer", "1,020")]) == (
        "| tool   |   p95 |\n| ------ | ----: |\n| a      |     1 |\n| longer | 1,020 |"
    )


def test_truth_counts_what_was_answered_within_a_time() -> None:
    truth = Truth(np.array([0, 1, 2]) * _S, np.array([1, 2, 3]) * _S)
    assert truth.response_ms == pytest.approx([1_000, 1_000, 1_000])
    assert truth.answered(_S, 3 * _S) == 2


class SteadyTrace(CpuTrace):
    """A trace of a process that uses a tenth of a core, as a test double."""

    def used_s(self, from_ns: int, to_ns: int) -> float:
        """Return a tenth of the time."""
        return (to_ns - from_ns) / _S * 0.1


def test_cost_is_cpu_of_the_settled_part_over_the_requests_answered_in_it() -> None:
    completion_ns = np.arange(1_000) * (_S // 100)  # 100 a second for 10 s
    truth = Truth(completion_ns, completion_ns)
    cost_us = cpu_us_per_request(SteadyTrace(os.getpid()), truth)
    assert cost_us == pytest.approx(1_000)


def test_a_trace_knows_what_was_used_while_it_ran_and_nothing_of_before() -> None:
    before_ns = time.monotonic_ns()
    trace = CpuTrace(os.getpid())
    with trace:
        within_ns = time.monotonic_ns()
        sum(range(200_000))
        until_ns = time.monotonic_ns()
    assert trace.used_s(within_ns, until_ns) > 0
    assert np.isnan(trace.used_s(before_ns - _S, until_ns))


def test_a_process_that_is_not_there_has_no_cpu_clock() -> None:
    with pytest.raises(OSError, match="no CPU clock"):
        CpuTrace(2**22 + 1)  # above the largest process id of Linux


def test_every_benchmark_says_which_question_it_answers() -> None:
    assert list(BENCHMARKS) == ["stall", "cost", "lag", "streams", "reading", "probe"]
    for module in BENCHMARKS.values():
        assert (module.__doc__ or "").splitlines()[0].endswith("?")
