"""How much CPU does one request cost our engine, and how much Locust's FastHttpUser at the same rate?

CPU of the generator's process alone, start-up left out, read from outside for both. Both send the same requests and
parse the answers; ours also keeps every sample on disk, Locust its statistics. Alternating pairs, the order swapped
from pair to pair.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from bench import engine_run, locust_run, machine
from bench.figures import Spread, table
from bench.target import Load, Operation, Target, letta_stub

_RATES = (50.0, 500.0)
_DURATION_S = 10.0
_PAIRS = 2


def run(folder: Path) -> None:
    """Measure and print."""
    print(f"repetitions: {_PAIRS} alternating pairs, each run {_DURATION_S:g} s; median (min to max) of them")
    loads = [Load(operation, rate, _DURATION_S) for operation in get_args(Operation) for rate in _RATES]
    seen: dict[Load, list[dict[str, tuple[float, float]]]] = {load: [] for load in loads}
    with letta_stub(folder) as target:
        for pair in range(_PAIRS):
            print(f"pair {pair + 1}: load {machine.load()}", flush=True)
            for load in loads:
                seen[load].append(_pair(target, load, folder / f"{load.operation}-{load.rate:g}-{pair}", pair % 2 == 1))
    head = ("operation", "rate /s", "ours µs/request", "FastHttpUser µs/request", "times ours", "sent by ours, theirs")
    print(table(head, [_row(load, pairs) for load, pairs in seen.items()]))


def _pair(target: Target, load: Load, folder: Path, swapped: bool) -> dict[str, tuple[float, float]]:
    """Return for each tool its CPU µs a request, and the number of requests that it sent."""
    tools = {"ours": engine_run.run, "theirs": locust_run.run}
    costs = {}
    for name in sorted(tools, reverse=swapped):
        one = tools[name](target, load, folder.with_name(f"{folder.name}-{name}"))
        costs[name] = (one.cpu_us, float(len(one.truth.arrival_ns)))
        if one.bad:
            print(f"not good: {one.bad} of {name}, {load}")
    return costs


def _row(load: Load, pairs: list[dict[str, tuple[float, float]]]) -> tuple[str, ...]:
    ours, theirs = ([pair[name] for pair in pairs] for name in ("ours", "theirs"))
    ratios = [their[0] / our[0] for our, their in zip(ours, theirs, strict=True)]
    sent = ", ".join(Spread.of([sent for _, sent in runs]).text() for runs in (ours, theirs))
    return (
        load.operation,
        f"{load.rate:g}",
        Spread.of([cpu for cpu, _ in ours]).text(),
        Spread.of([cpu for cpu, _ in theirs]).text(),
        Spread.of(ratios).text(2),
        sent,
    )
