"""How are the runs of several tools at several rates set side by side? Tables of median (least to greatest)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.figures import PERCENTILES, Spread, percentiles, table
from bench.rival_figures import Figures, bars
from bench.runs import Run
from bench.target import Load

Seen = Mapping[tuple[float, str], Sequence[Figures]]
Column = tuple[str, int, Callable[[Figures], float]]

_ARRIVALS: tuple[Column, ...] = (
    ("arrived, %", 2, lambda one: one.arrivals_percent),
    ("off schedule p50 ms", 2, lambda one: one.off_schedule_ms[0]),
    ("p95 ms", 2, lambda one: one.off_schedule_ms[1]),
    ("p99 ms", 2, lambda one: one.off_schedule_ms[2]),
    ("burst index", 2, lambda one: one.burst_index),
    ("not good", 0, lambda one: one.bad),
    ("of them dropped", 0, lambda one: one.dropped),
    ("stolen from the machine, %", 2, lambda one: one.stolen_percent),
)
_COST: tuple[Column, ...] = (
    ("CPU µs/request", 0, lambda one: one.cpu_us),
    ("the target's", 0, lambda one: one.target_cpu_us),
    ("memory MiB", 0, lambda one: one.memory_mib),
    ("bytes/request", 0, lambda one: one.request_bytes),
)


def _percentile(place: int) -> tuple[Column, Column]:
    name = f"p{PERCENTILES[place]}"
    return (
        (f"{name} truth ms", 1, lambda one: one.truth_ms[place]),
        (f"{name} reported: too high by ms", 2, lambda one: one.too_high_ms[place]),
    )


_REPORTS = tuple(column for place in range(len(PERCENTILES)) for column in _percentile(place))


def print_all(seen: Seen) -> None:
    """Print how requests arrived, what was reported of them, and what they cost."""
    for title, columns in (("arrivals", _ARRIVALS), ("reports", _REPORTS), ("cost", _COST)):
        print(f"\n{title}:\n{_table(seen, columns)}")


def print_bars(seen: Seen, ours: str, k6: str) -> None:
    """Print what is asked of the engine, and whether the medians of this run reach it."""
    rows = []
    for rate in dict.fromkeys(rate for rate, name in seen if seen[rate, name]):
        for bar in bars(rate, seen[rate, ours], seen.get((rate, k6), ())):
            limit = f"{'at least' if bar.is_least else 'at most'} {bar.limit:.2f}"
            rows.append((f"{rate:g}", bar.name, limit, bar.seen.text(bar.digits), "yes" if bar.holds else "NO"))
    print(f"\nasked of the engine:\n{table(('rate /s', 'figure', 'asked', 'seen', 'holds'), rows)}")


def print_stall(runs: Mapping[str, Sequence[Run]], load: Load, ideal: tuple[float, ...]) -> None:
    """Print what each tool reported of a stall, what the target saw, and what there was to see."""
    columns = [f"p{p} reported / target's truth / undisturbed" for p in PERCENTILES]
    rows = []
    for name, repetitions in runs.items():
        for number, one in enumerate(repetitions, 1):
            triples = zip(one.percentiles, percentiles(one.truth.response_ms), ideal, strict=True)
            figures = [" / ".join(f"{value:,.0f}" for value in triple) for triple in triples]
            arrived = f"{len(one.truth.arrival_ns):,}"
            rows.append((name, str(number), arrived, f"{one.dropped:,}", f"{one.bad - one.dropped:,}", *figures))
    head = ("tool", "run", f"arrived of {load.arrivals:,}", "dropped", "otherwise not good", *columns)
    print(f"\nstall:\n{table(head, rows)}")


def _table(seen: Seen, columns: Sequence[Column]) -> str:
    rows = []
    for (rate, name), runs in seen.items():
        if not runs:
            continue
        cells = [Spread.of([value(one) for one in runs]).text(digits) for _, digits, value in columns]
        rows.append((name, f"{rate:g}", str(len(runs)), *cells))
    return table(("tool", "rate /s", "runs", *(title for title, _, _ in columns)), rows)
