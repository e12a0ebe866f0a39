"""What the memory of a generator is read from: rows that each worker wrote of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.memory import growth
from loadgen.run_folder import RunFolder, append_line


def a_run(path: Path, seconds: int) -> RunFolder:
    for worker in (0, 1):
        for second in range(1, seconds + 1):
            mib = min(second, 320) / 10 + worker * (50 if second == 350 else 0)
            append_line(path / f"machine-{worker}.jsonl", {"worker": worker, "offset_s": second, "rss_mib": mib})
    return RunFolder(path)


def test_growth_counts_from_the_end_of_the_first_five_minutes_for_each_worker(tmp_path: Path) -> None:
    assert growth(a_run(tmp_path, 400)) == [(0, 30.0, 32.0, 32.0), (1, 30.0, 82.0, 32.0)]


def test_a_run_that_was_too_short_to_tell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no longer than 300 s"):
        growth(a_run(tmp_path, 300))
