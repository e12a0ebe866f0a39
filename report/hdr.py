"""How do other tools read a run? As HdrHistogram logs: for each operation an interval histogram every so often.

The histograms and their compressed encoding (V2) are the library's. The lines around them are written here: the
library's writer (hdrhistogram 0.10.8) fails on the start time, cuts the highest value of an interval to whole
milliseconds and leaves out its tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]  # the library has no types
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import OPERATIONS, UNSENT, Outcome

LOWEST_NS, HIGHEST_NS = 1, 3_600_000_000_000  # an hour: longer than any limit of a request
DIGITS = 3
_NS = 1_000_000_000
_FAILED = "failed"


def write_logs(folder: RunFolder, directory: Path, interval_s: float) -> tuple[Path, ...]:
    """Write `OPERATION.hlog` for each operation that was sent, `OPERATION.first-token.hlog` where a token came first.

    Values are nanoseconds from the intended start; a request belongs to the interval in which it was due. Requests that
    ended well are untagged, all others carry the tag `failed`, with the time until they failed.

    Raises:
        RunFolderError: the folder is no run that this version reads; nothing was written.
    """
    head, samples = _head(folder), folder.samples
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for code, operation in enumerate(OPERATIONS):
        sent = samples[(samples["operation"] == code) & ~np.isin(samples["outcome"], UNSENT)]
        for name, of, moment in (
            (operation, sent, "end_ns"),
            (f"{operation}.first-token", sent[sent["first_ns"] > 0], "first_ns"),
        ):
            if len(of):
                file = directory / f"{name}.hlog"
                file.write_text(head + "".join(_lines(of, of[moment] - of["intended_ns"], interval_s)))
                written.append(file)
    return tuple(written)


def histogram_of(values_ns: NDArray[np.int64]) -> HdrHistogram:
    """Return the histogram of some times; what took longer than an hour is kept as an hour."""
    histogram = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    found, counts = np.unique(np.clip(values_ns, LOWEST_NS, HIGHEST_NS), return_counts=True)
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        histogram.record_value(value, count)
    return histogram


def _lines(samples: NDArray[np.void], taken_ns: NDArray[np.int64], interval_s: float) -> Iterator[str]:
    interval = (samples["intended_ns"] / (interval_s * _NS)).astype(np.int64)
    for number, is_failed, values in _groups(interval, samples["outcome"] != Outcome.OK, taken_ns):
        tag = f"Tag={_FAILED}," if is_failed else ""
        encoded = histogram_of(values).encode().decode("ascii")
        yield f"{tag}{number * interval_s:.3f},{interval_s:.3f},{float(values.max()) / 1e6:.6f},{encoded}\n"


def _groups(
    interval: NDArray[np.int64], failed: NDArray[np.bool_], taken_ns: NDArray[np.int64]
) -> Iterator[tuple[int, bool, NDArray[np.int64]]]:
    """Yield the values of each interval in order of time, those that ended well before those that failed."""
    keys = interval * 2 + failed
    order = np.argsort(keys, kind="stable")
    found, starts = np.unique(keys[order], return_index=True)
    for key, values in zip(found.tolist(), np.split(taken_ns[order], starts[1:]), strict=True):
        yield key // 2, bool(key % 2), values


def _head(folder: RunFolder) -> str:
    lines = [
        f"#[letta-slo run {folder.plan.run_id}: nanoseconds from the intended start]",
        "#[Histogram log format version 1.2]",
    ]
    if (started := folder.manifest.get("started_at")) is not None:
        at = datetime.fromisoformat(str(started)).astimezone(UTC)
        lines.append(f"#[StartTime: {at.timestamp():.3f} (seconds since epoch), {at.isoformat(' ')}]")
        lines.append(f"#[BaseTime: {at.timestamp():.3f} (seconds since epoch)]")
    lines.append('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"')
    return "\n".join(lines) + "\n"
