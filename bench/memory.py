"""Did the memory of the generator stay flat over a long run? `python -m bench.memory RUN_FOLDER`.

Each worker notes its own resident memory once a second. The first five minutes are for what is made once: connections,
parsers, histograms of Locust.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.figures import table
from loadgen.run_folder import RunFolder

WARM_S = 300.0


def growth(folder: RunFolder) -> list[tuple[int, float, float, float]]:
    """Return for each worker its MiB at the end of the first five minutes, the most after it, and the last.

    Raises ValueError when the run was not longer than that.
    """
    found = []
    for worker in sorted({int(row["worker"]) for row in folder.machine}):
        rows = [row for row in folder.machine if row["worker"] == worker]
        later = [float(row["rss_mib"]) for row in rows if float(row["offset_s"]) >= WARM_S]
        if len(later) < 2:
            raise ValueError(f"worker {worker} of {folder.path} ran for no longer than {WARM_S:g} s")
        found.append((worker, later[0], max(later), later[-1]))
    return found


def main() -> None:
    """Print a table of the run folder named on the command line."""
    folder = RunFolder(Path(sys.argv[1]))
    rows = [
        (str(worker), f"{warm:.1f}", f"{most:.1f}", f"{last:.1f}", f"{most - warm:+.1f}")
        for worker, warm, most, last in growth(folder)
    ]
    last_s = float(folder.machine[-1]["offset_s"])
    print(f"{len(folder.samples):,} requests in {last_s:,.0f} s")
    print(table(("worker", f"MiB at {WARM_S:g} s", "most after", "at the end", "growth"), rows))


if __name__ == "__main__":
    main()
