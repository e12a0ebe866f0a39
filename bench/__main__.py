"""Which measurements are there, and on what machine did they run? `python -m bench [NAME]`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import get_args

from bench import (
    bridge,
    collector,
    cost,
    k6_run,
    lag,
    machine,
    pipeline,
    probe,
    reading,
    rivals,
    stall,
    streams,
    telemetry,
)

BENCHMARKS = {
    "stall": stall,
    "cost": cost,
    "lag": lag,
    "streams": streams,
    "reading": reading,
    "probe": probe,
    "bridge": bridge,
    "telemetry": telemetry,
    "collector": collector,
    "pipeline": pipeline,
    "rivals": rivals,
}
_NOT_WITH_ALL = {"rivals", "pipeline", "collector"}  # they take long, and need programs that are built or of others


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark named; without a name those that need nothing built, one after the other."""
    options = _options(argv)
    for name in [options.name] if options.name else [name for name in BENCHMARKS if name not in _NOT_WITH_ALL]:
        benchmark = BENCHMARKS[name]
        print(f"\n== {name}: {(benchmark.__doc__ or '').splitlines()[0]}")
        for line in machine.describe():
            print(line)
        print(f"load before: {machine.load()}", flush=True)
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
            if benchmark is rivals:
                rivals.run(
                    Path(folder),
                    seconds=options.seconds,
                    pairs=options.pairs,
                    rates=tuple(options.rates),
                    k6_reads=options.k6_reads,
                )
            else:
                benchmark.run(Path(folder))
        print(f"load after: {machine.load()}", flush=True)


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure side by side; asserts nothing.")
    parser.add_argument(
        "name", nargs="?", choices=list(BENCHMARKS), help="which to run; without a name: those that need nothing built"
    )
    only = parser.add_argument_group("rivals only")
    only.add_argument("--seconds", type=float, default=rivals.SECONDS, help="length of a run (%(default)g)")
    only.add_argument("--pairs", type=int, default=rivals.PAIRS, help="how many alternating pairs (%(default)s)")
    only.add_argument("--rates", type=float, nargs="+", default=rivals.RATES, help="requests a second (50 500 2000)")
    reads = "what k6 reads of an answer: the whole, as the engine does, or its status alone (%(default)s)"
    only.add_argument("--k6-reads", choices=get_args(k6_run.Reads), default="answers", help=reads)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
