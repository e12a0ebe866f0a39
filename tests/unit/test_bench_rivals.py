"""What the comparison with other load tools computes; nothing is measured here."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import machine, rivals
from bench.cpu import CpuTrace, descendants
from bench.figures import Spread
from bench.grid import burst_index, off_schedule_ms, users_needed
from bench.rival_figures import Figures, bars, cpu_ratio
from bench.rival_requests import bodies
from bench.rival_tables import print_bars
from bench.runs import Run
from bench.service_times import ServiceTimes
from bench.target import Load, Truth
from loadgen.plan import Phases, RunPlan
from loadgen.schedule import of_plan
from tests.processes import eventually

_MS = 1_000_000
_S = 1_000_000_000


def grid(rate: float, seconds: float, begin_ns: int = 7 * _S) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return begin_ns + np.arange(round(rate * seconds)) * round(_S / rate)


def test_arrivals_on_a_grid_are_on_schedule_wherever_the_grid_begins() -> None:
    for begin_ns in (0, 7 * _S, 123_456_789):
        assert off_schedule_ms(grid(500, 2, begin_ns), 500) == pytest.approx(np.zeros(1_000))


def test_the_engines_own_constant_schedule_is_on_the_grid() -> None:
    rates = {"message": 500.0}
    plan = RunPlan("r", "f", 1, rates, Phases(0, 2), arrivals="constant")
    assert off_schedule_ms(of_plan(plan).offset_ns, 500 / plan.sessions.turns).max() < 1e-3


def test_one_late_arrival_is_off_by_its_lateness_and_the_others_by_nothing() -> None:
    arrivals = grid(100, 1)
    arrivals[40] += 7 * _MS
    off_ms = off_schedule_ms(arrivals, 100)
    assert off_ms[40] == pytest.approx(7)
    assert np.count_nonzero(off_ms > 1e-6) == 1


def test_a_constant_delay_of_all_arrivals_is_the_phase_and_no_lateness() -> None:
    assert off_schedule_ms(grid(100, 1) + 30 * _MS, 100).max() == pytest.approx(0, abs=1e-9)


def test_an_arrival_left_out_puts_what_follows_off_by_a_gap() -> None:
    off_ms = off_schedule_ms(np.delete(grid(100, 1), 20), 100)
    assert sorted(set(off_ms.round(6))) == [0, 10]
    assert np.count_nonzero(off_ms > 1) == 20  # the smaller part: the fit goes with the greater


@given(st.lists(st.integers(0, 10 * _S), max_size=50), st.integers(-_S, _S))
def test_distances_from_the_grid_do_not_depend_on_the_clocks_zero_or_the_order(arrivals: list[int], by_ns: int) -> None:
    here = off_schedule_ms(np.array(arrivals, dtype=np.int64), 50)
    there = off_schedule_ms(np.array(arrivals[::-1], dtype=np.int64) + by_ns, 50)
    assert there == pytest.approx(here, abs=1e-6)
    assert len(here) == len(arrivals)


def test_a_grid_has_no_bursts_and_a_poisson_process_an_index_of_one() -> None:
    assert burst_index(grid(500, 10)) == pytest.approx(0, abs=0.01)
    uniform = np.random.default_rng(1).uniform(0, 60 * _S, 30_000).astype(np.int64)
    assert burst_index(uniform) == pytest.approx(1, abs=0.1)


def test_fifty_requests_at_once_every_tenth_of_a_second_are_bursts() -> None:
    bursts = np.repeat(grid(10, 10), 50)
    assert burst_index(bursts) == pytest.approx(45, abs=1)  # 50 in one bin of ten: variance 225, mean 5


@pytest.mark.parametrize("arrivals", [[], [5], [5, 6 * _MS]])
def test_of_too_few_arrivals_there_is_no_burst_index(arrivals: list[int]) -> None:
    assert math.isnan(burst_index(np.array(arrivals, dtype=np.int64)))


def test_users_are_enough_for_the_rate_times_the_worst_latency() -> None:
    assert users_needed(500, 2.5) == 1_270


def test_service_times_are_the_same_for_the_same_seed_and_number() -> None:
    one, other = (ServiceTimes.parse("lognormal:20:0.5:1") for _ in range(2))
    assert [one.of(number) for number in range(100)] == [other.of(number) for number in range(100)]
    assert one.ring_ns != ServiceTimes.parse("lognormal:20:0.5:2").ring_ns


def test_lognormal_service_times_have_the_median_and_the_tail_that_were_asked_for() -> None:
    times_ms = np.array(ServiceTimes.lognormal(20, 0.5, 1).ring_ns) / 1e6
    assert np.percentile(times_ms, [50, 95, 99]) == pytest.approx([20, 45.5, 64], rel=0.02)
    assert ServiceTimes.lognormal(20, 0.5, 1).longest_s == pytest.approx(times_ms.max() / 1e3)


def test_a_constant_service_time_has_no_draws() -> None:
    assert [ServiceTimes.parse("constant:5").of(number) for number in (0, 1, 10**6)] == [5 * _MS] * 3


@pytest.mark.parametrize("text", ["", "constant", "lognormal:20:0.5", "poisson:1", "constant:x"])
def test_service_times_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"found|could not convert"):
        ServiceTimes.parse(text)


def test_the_rivals_send_256_different_bodies_of_the_size_of_the_engines() -> None:
    assert len(set(bodies())) == 256
    assert all(400 <= len(body) < 500 for body in bodies())


def figures(**changes: float) -> Figures:
    usual = {"arrived": 100.0, "off_ms": 0.5, "reported_ms": 21.0, "cpu_us": 300.0, "stolen": 0.2, **changes}
    triple = (20.0, 20.0, 20.0)
    return Figures(
        arrivals_percent=usual["arrived"],
        off_schedule_ms=(0.1, usual["off_ms"], 1.0),
        burst_index=0.1,
        reported_ms=(usual["reported_ms"],) * 3,
        truth_ms=triple,
        cpu_us=usual["cpu_us"],
        target_cpu_us=30.0,
        memory_mib=100.0,
        request_bytes=700.0,
        bad=0,
        dropped=0,
        stolen_percent=usual["stolen"],
    )


def failing(rate: float, **changes: float) -> list[str]:
    return [bar.name for bar in bars(rate, [figures(**changes)], [figures()]) if not bar.holds]


def test_a_run_that_reaches_everything_fails_nothing() -> None:
    assert [failing(rate) for rate in (50, 500, 2000)] == [[], [], []]


@pytest.mark.parametrize(
    ("rate", "changes", "names"),
    [
        (50, {"arrived": 99.49}, ["arrivals, %"]),
        (500, {"off_ms": 1.01}, ["off schedule p95, ms"]),
        (2000, {"off_ms": 2.9}, []),
        (2000, {"off_ms": 3.1}, ["off schedule p95, ms"]),
        (500, {"reported_ms": 21.7}, [f"p{p} off the truth, ms" for p in (50, 95, 99)]),  # 3 % of 20 and 1 are 1.6
        (500, {"reported_ms": 18.3}, [f"p{p} off the truth, ms" for p in (50, 95, 99)]),
        (500, {"cpu_us": 301}, ["CPU, times k6's"]),
        (2000, {"cpu_us": 329}, []),
        (2000, {"cpu_us": 331}, ["CPU, times k6's"]),
        (50, {"reported_ms": math.nan}, [f"p{p} off the truth, ms" for p in (50, 95, 99)]),
    ],
)
def test_a_figure_beyond_its_limit_is_named(rate: float, changes: dict[str, float], names: list[str]) -> None:
    assert failing(rate, **changes) == names


def test_bars_are_held_against_the_median_of_the_repetitions() -> None:
    ours = [figures(cpu_us=cpu_us) for cpu_us in (100, 250, 900)]
    assert [bar.name for bar in bars(500, ours, [figures()] * 3) if not bar.holds] == []


@pytest.mark.parametrize(
    ("stolen", "kept", "tries"),
    [
        ([0.2, 0.5], [0.2, 0.5], 1),
        ([0.1, 0.6, 0.3, 0.2], [0.3, 0.2], 2),
        ([0.6, 0.3, 0.2], [0.3, 0.2], 2),  # the other run of a disturbed pair would be for nothing
        ([9.0] * 10, [], 10),
    ],
)
def test_a_pair_from_which_the_hypervisor_stole_is_run_again_as_a_whole(
    stolen: list[float],
    kept: list[float],
    tries: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    left, waits = list(stolen), []
    monkeypatch.setattr(rivals, "_one", lambda *_: figures(stolen=left.pop(0)))
    monkeypatch.setattr(machine, "wait_until_quiet", lambda limit, **_: waits.append(limit))
    tools: dict[str, Any] = {"ours": None, "k6": None}
    pair = rivals._pair(tools, ["ours", "k6"], None, Load("message", 500.0, 60.0), Path("500-0"))  # type: ignore[arg-type]
    assert [one.stolen_percent for one in pair.values()] == kept
    assert left == []
    assert capsys.readouterr().out.count("500/s: set aside") == tries - (1 if kept else 0)
    assert waits == [0.5] * tries


@pytest.mark.parametrize(
    ("stolen", "looks", "said"),
    [([0.1], 1, ""), ([3.0, 2.0, 0.2], 3, "waited 22 s"), ([3.0] * 99, 4, "waited 32 s")],
)
def test_waiting_for_a_quiet_machine_ends_when_it_is_quiet_or_has_taken_too_long(
    stolen: list[float],
    looks: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock, left = [0.0], list(stolen)

    def ask_for_all() -> float:
        clock[0] += 2.0
        return left.pop(0)

    def pause(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(machine, "_stolen_when_asking_for_all_percent", ask_for_all)
    monkeypatch.setattr("bench.machine.time.sleep", pause)
    monkeypatch.setattr("bench.machine.time.monotonic", lambda: clock[0])
    machine.wait_until_quiet(0.5, at_most_s=25.0)
    assert len(stolen) - len(left) == looks
    assert said in capsys.readouterr().out


def test_what_the_hypervisor_took_is_a_share_of_all_time() -> None:
    with machine.Stolen() as stolen:
        sum(range(100_000))
    assert 0 <= stolen.percent <= 100


def test_cpu_is_compared_pair_by_pair() -> None:
    ours, theirs = ([figures(cpu_us=us) for us in column] for column in ((100, 400, 90), (200, 400, 100)))
    assert cpu_ratio(ours, theirs) == Spread(0.5, 0.9, 1.0)


def test_without_k6_nothing_is_said_about_its_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    print_bars({(500.0, "ours"): [figures(off_ms=4)]}, "ours", "k6")
    printed = capsys.readouterr().out
    assert "k6" not in printed
    assert printed.count("NO") == 1


def test_what_a_tool_prints_is_read_where_it_keeps_no_exact_times() -> None:
    truth = Truth(np.array([0]), np.array([1]))
    printed = Run(np.empty(0), truth, 0, 0, rounded_ms={50: 21.0, 99: 60.0}).percentiles
    assert (printed[0], printed[2]) == (21, 60)
    assert math.isnan(printed[1])
    assert Run(np.array([1.0, 2.0, 3.0]), truth, 0, 0).percentiles[0] == 2


def test_a_trace_counts_the_children_of_a_process_and_their_memory() -> None:
    code = "import sys; sys.stdin.read()"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE) as parent:
        eventually(lambda: list(descendants(parent.pid)))
        assert parent.pid in descendants(os.getpid())
        with CpuTrace(parent.pid) as trace:
            pass
        alone = CpuTrace(next(descendants(parent.pid)))
        with alone:
            pass
        assert trace.peak_mib > alone.peak_mib > 0
        with CpuTrace(parent.pid) as trace:
            parent.communicate(b"")
        assert trace.peak_mib > 0  # also when it has ended before the last look
    assert list(descendants(parent.pid)) == []
