"""How late does our engine send, against its own schedule, at 50, 500 and 1,000 requests a second?

Poisson arrivals, health requests, one worker. Lag is actual start minus intended start, from the run folder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench import engine_run, machine
from bench.figures import Spread, percentiles, table
from bench.target import Load, Target, letta_stub

_RATES = (50.0, 500.0, 1000.0)
_DURATION_S = 4.0
_REPETITIONS = 3


def run(folder: Path) -> None:
    """Measure and print."""
    print(f"repetitions: {_REPETITIONS}, each {_DURATION_S:g} s a rate; lag in ms as median (min to max) of them")
    seen: dict[float, list[tuple[float, ...]]] = {rate: [] for rate in _RATES}
    with letta_stub(folder) as target:
        for repetition in range(_REPETITIONS):
            print(f"repetition {repetition + 1}: load {machine.load()}", flush=True)
            for rate in _RATES:
                seen[rate].append(_one(target, rate, folder / f"{rate:g}-{repetition}"))
    head = ("rate /s", "p50 ms", "p95 ms", "p99 ms", "max ms", "sent", "not good", "CPU µs/request")
    print(table(head, [_row(rate, runs) for rate, runs in seen.items()]))


def _one(target: Target, rate: float, folder: Path) -> tuple[float, ...]:
    one = engine_run.run(target, Load("health", rate, _DURATION_S), folder, arrivals="poisson")
    lag_ms = np.empty(0) if one.lag_ms is None else one.lag_ms
    return (*percentiles(lag_ms), float(lag_ms.max()), float(len(lag_ms)), float(one.bad), one.cpu_us)


def _row(rate: float, runs: list[tuple[float, ...]]) -> tuple[str, ...]:
    *lags, sent, bad, cpu = zip(*runs, strict=True)
    return (
        f"{rate:g}",
        *(Spread.of(lag).text(2) for lag in lags),
        f"{sum(sent):,.0f}",
        f"{sum(bad):,.0f}",
        Spread.of(cpu).text(),
    )
