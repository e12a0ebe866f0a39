"""What do 50, 500 and 2,000 requests a second through Redis do to the generator, and to the reference bridge?

First an echo in the bridge's place, so that only the generator and Redis work; then the reference bridge with the
Letta stub behind it, one and two of them. Everything shares this machine: the CPU of each part is read from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench import machine
from bench.figures import percentiles, table
from bench.through_bridge import WARMUP_S, Served, drive_for, reference_bridges
from loadgen.samples import SOURCES, UNSENT, Outcome
from report.judge import judge
from slo.catalog import load
from slo.verdict import Verdict
from testbed.embedded_redis import EmbeddedRedis
from testbed.process import python_part, start

_DURATION_S = 60.0


def run(folder: Path) -> None:
    """Measure and print."""
    print(f"repetitions: 1, each {_DURATION_S:g} s after a warm-up of {WARMUP_S:g} s; CPU in cores of each process")
    rows = []
    with _echo(folder / "echo") as served:
        rows.append(_row("echo", served, 2000, folder / "echo-2000"))
    for rate in (50, 500, 2000):
        for bridges in (1, 2) if rate == 2000 else (1,):
            name = f"{bridges} bridge{'s' if bridges > 1 else ''}"
            with reference_bridges(folder / f"parts-{bridges}-{rate}", bridges) as served:
                rows.append(_row(name, served, rate, folder / f"{bridges}-{rate}"))
    figures = (
        "of all replied under 2 s %",
        "by Letta %",
        "lost",
        "answered /s",
        "p50 / p95 / p99 ms",
        "lag p99 ms",
        "CPU",
    )
    head = ("through", "rate /s", "run", "sent", *figures)
    print(table(head, rows))


@contextmanager
def _echo(folder: Path) -> Iterator[Served]:
    with (
        EmbeddedRedis(folder) as redis,
        start("echo", python_part("bench._echo_bridge", redis.url), log_dir=folder) as echo,
    ):
        yield Served(redis.url, {"echo": echo.pid, "Redis": redis.pid})


def _row(name: str, served: Served, rate: float, folder: Path) -> tuple[str, ...]:
    print(f"{name}, {rate:g} /s: load {machine.load()}", flush=True)
    run_folder, cpu = drive_for(_DURATION_S, served, rate, folder)
    every = run_folder.samples
    samples = every[every["intended_ns"] >= WARMUP_S * 1e9]
    sent = samples[~np.isin(samples["outcome"], UNSENT)]
    response_s = (sent["end_ns"] - sent["intended_ns"]) / 1e9
    ok = sent["outcome"] == Outcome.OK
    lag_ms = (sent["start_ns"] - sent["intended_ns"]) / 1e6
    lost = sum(end.get("bridge", {}).get("lost", 0) for end in run_folder.ends)
    catalogue = load()
    judged = judge(run_folder, catalogue)
    limit_s = catalogue.objective("bridge-response-time").samples.limit_s
    if limit_s is None:
        raise SystemExit("bench: bridge-response-time has no limit, so nothing here can be in time")
    in_time = ok & (response_s < float(limit_s))
    for reason in judged.invalid:
        print(f"  invalid: {reason.sentence} ({reason.culprit})")
    answered = float(np.count_nonzero(ok)) / max(1e-9, float(sent["end_ns"].max()) / 1e9 - WARMUP_S)
    return (
        name,
        f"{rate:g}",
        "invalid" if judged.verdict is Verdict.INVALID_RUN else "valid",
        f"{len(sent):,} of {len(samples):,}",
        f"{np.count_nonzero(in_time) / len(samples) * 100:.2f}",
        f"{np.mean(sent['source'][ok] == SOURCES.index('letta')) * 100:.1f}",
        f"{lost:,}",
        f"{answered:,.0f}",
        " / ".join(f"{value * 1e3:,.0f}" for value in percentiles(response_s[ok])),
        f"{percentiles(lag_ms)[-1]:.2f}",
        ", ".join(f"{part} {cores:.2f}" for part, cores in cpu.items()),
    )
