"""Which measurements are there, and on what machine did they run? `python -m bench [NAME]`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench import cost, lag, machine, probe, reading, stall, streams

BENCHMARKS = {"stall": stall, "cost": cost, "lag": lag, "streams": streams, "reading": reading, "probe": probe}


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark named; without a name all, one after the other."""
    for name in _names(argv):
        benchmark = BENCHMARKS[name]
        print(f"\n== {name}: {(benchmark.__doc__ or '').splitlines()[0]}")
        for line in machine.describe():
            print(line)
        print(f"load before: {machine.load()}", flush=True)
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
            benchmark.run(Path(folder))
        print(f"load after: {machine.load()}", flush=True)


def _names(argv: list[str] | None) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure side by side; asserts nothing.")
    parser.add_argument("name", nargs="?", choices=list(BENCHMARKS), help="which to run; without a name: all")
    name = parser.parse_args(argv).name
    return [name] if name else list(BENCHMARKS)


if __name__ == "__main__":
    main()
