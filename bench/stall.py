"""What does a load test report of a target that stands still for 2 s in a run of 20 s at 500 requests a second?

Our engine beside Locust's `constant_throughput` (FastHttpUser, 100 users at 5/s each), alternating, at the health
endpoint of the Letta stub. Truth is the stub's own ledger of the same run. The undisturbed schedule says what there
was to see: a closed model never sends most of the requests that would have waited.
"""

from __future__ import annotations

from pathlib import Path

from bench import engine_run, locust_run, machine
from bench.figures import PERCENTILES, Spread, error_percent, percentiles, table, undisturbed_ms
from bench.runs import Run, Stall
from bench.target import SERVICE_MS, Load, Target, letta_stub

_LOAD = Load("health", 500.0, 20.0)
_STALL = Stall(at_s=9.0, for_s=2.0)
_REPETITIONS = 3
_OURS, _EXACT, _ROUNDED = "ours", "Locust, exact", "Locust, as it prints"


def run(folder: Path) -> None:
    """Measure and print."""
    ideal = percentiles(
        undisturbed_ms(
            _LOAD.rate, _LOAD.duration_s, stall_at_s=_STALL.at_s, stall_s=_STALL.for_s, service_ms=SERVICE_MS
        )
    )
    print(f"repetitions: {_REPETITIONS}, alternating; milliseconds")
    print("undisturbed schedule: " + ", ".join(f"p{p} {ms:,.0f}" for p, ms in zip(PERCENTILES, ideal, strict=True)))
    with letta_stub(folder) as target:
        runs = [_pair(target, folder, repetition) for repetition in range(_REPETITIONS)]
    _print_runs(runs, ideal)
    _print_errors(runs, ideal)


def _pair(target: Target, folder: Path, repetition: int) -> dict[str, Run]:
    print(f"repetition {repetition + 1}: load {machine.load()}", flush=True)
    return {
        _OURS: engine_run.run(target, _LOAD, folder / f"ours-{repetition}", stall=_STALL),
        _EXACT: locust_run.run(target, _LOAD, folder / f"locust-{repetition}", stall=_STALL),
    }


def _reports(pair: dict[str, Run]) -> dict[str, tuple[Run, tuple[float, ...]]]:
    """Return for each way of reporting: the run, and its p50, p95 and p99."""
    theirs = pair[_EXACT]
    return {
        _OURS: (pair[_OURS], percentiles(pair[_OURS].reported_ms)),
        _EXACT: (theirs, percentiles(theirs.reported_ms)),
        _ROUNDED: (theirs, tuple(theirs.rounded_ms[p] for p in PERCENTILES)),
    }


def _print_runs(runs: list[dict[str, Run]], ideal: tuple[float, ...]) -> None:
    columns = [f"p{p} reported / target's truth / undisturbed" for p in PERCENTILES]
    head = ("report", "run", f"sent of {_LOAD.arrivals:,}", "over s", "not good", *columns)
    rows = []
    for number, pair in enumerate(runs, 1):
        for name, (one, reported) in _reports(pair).items():
            triples = zip(reported, percentiles(one.truth.response_ms), ideal, strict=True)
            figures = [" / ".join(f"{value:,.0f}" for value in triple) for triple in triples]
            sent, lasted = f"{len(one.truth.arrival_ns):,}", f"{one.truth.lasted_s:.1f}"
            rows.append((name, str(number), sent, lasted, str(one.bad), *figures))
    print(table(head, rows))


def _print_errors(runs: list[dict[str, Run]], ideal: tuple[float, ...]) -> None:
    """Print how far each report is off, in per cent, as median (min to max) of the repetitions."""
    head = (
        "report, error in %",
        *(f"p{p} against {truth}" for truth in ("target", "undisturbed") for p in PERCENTILES),
    )
    every = [_reports(pair) for pair in runs]
    rows = []
    for name in every[0]:
        against_target = [
            _errors(reports[name][1], percentiles(reports[name][0].truth.response_ms)) for reports in every
        ]
        against_ideal = [_errors(reports[name][1], ideal) for reports in every]
        columns = [*zip(*against_target, strict=True), *zip(*against_ideal, strict=True)]
        rows.append((name, *(Spread.of(column).text(1) for column in columns)))
    print(table(head, rows))


def _errors(reported: tuple[float, ...], truth: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(error_percent(one, other) for one, other in zip(reported, truth, strict=True))
