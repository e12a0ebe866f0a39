"""HdrHistogram logs of a run: what the library reads back is what the samples say, to three digits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]  # the library has no types
from hdrh.log import HistogramLogReader  # type: ignore[import-untyped]  # as above

from letta_slo.export import export
from loadgen.run_folder import RunFolder, RunFolderError
from loadgen.samples import OPERATIONS, UNSENT, Outcome
from report import hdr
from tests.made_runs import MISSES, make


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make(tmp_path_factory.mktemp("made"), MISSES, rate_factor=0.5)


@pytest.fixture(scope="module")
def logs(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("hdr")
    hdr.write_logs(run, directory, interval_s=5.0)
    return directory


def empty() -> Any:
    return HdrHistogram(hdr.LOWEST_NS, hdr.HIGHEST_NS, hdr.DIGITS)


def intervals(file: Path) -> list[Any]:
    reader = HistogramLogReader(str(file), empty())
    found = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.append(histogram)
    reader.close()
    return found


def merged(file: Path, tag: str | None) -> Any:
    whole = empty()
    for histogram in intervals(file):
        if histogram.get_tag() == tag:
            whole.add(histogram)
    return whole


def sent(run: RunFolder, operation: str) -> Any:
    samples = run.samples
    return samples[(samples["operation"] == OPERATIONS.index(operation)) & ~np.isin(samples["outcome"], UNSENT)]


def test_there_is_a_log_for_each_operation_that_was_sent_and_for_first_tokens(run: RunFolder, logs: Path) -> None:
    seen = {OPERATIONS[code] for code in np.unique(run.samples["operation"])}
    assert {file.name for file in logs.iterdir()} == {f"{name}.hlog" for name in seen} | {"stream.first-token.hlog"}


@pytest.mark.parametrize("operation", ["message", "stream", "bridge", "health"])
def test_percentiles_agree_with_the_exact_ones_to_three_digits(run: RunFolder, logs: Path, operation: str) -> None:
    samples = sent(run, operation)
    good = samples[samples["outcome"] == Outcome.OK]
    exact = np.sort(good["end_ns"] - good["intended_ns"])
    whole = merged(logs / f"{operation}.hlog", None)
    assert whole.get_total_count() == len(exact)
    for percentile in (50, 90, 95, 99, 99.9, 100):
        rank = whole.get_target_count_at_percentile(percentile)
        assert whole.get_value_at_percentile(percentile) == pytest.approx(exact[rank - 1], rel=1e-3)


def test_requests_that_failed_carry_a_tag_and_are_all_there(run: RunFolder, logs: Path) -> None:
    failed = sent(run, "message")["outcome"] != Outcome.OK
    assert merged(logs / "message.hlog", "failed").get_total_count() == np.count_nonzero(failed) > 0


def test_first_tokens_have_a_log_of_their_own(run: RunFolder, logs: Path) -> None:
    samples = sent(run, "stream")
    first = samples[samples["first_ns"] > 0]
    whole = merged(logs / "stream.first-token.hlog", None)
    exact = float(np.median(first["first_ns"] - first["intended_ns"]))
    assert whole.get_total_count() == len(first)
    assert whole.get_value_at_percentile(50) == pytest.approx(exact, rel=0.01)


def test_an_interval_holds_what_was_due_in_it_at_its_time_of_day(run: RunFolder, logs: Path) -> None:
    due = Counter((sent(run, "health")["intended_ns"] // 5_000_000_000).tolist())
    found: Counter[int] = Counter()
    for histogram in intervals(logs / "health.hlog"):
        began_s = histogram.get_start_time_stamp() / 1e3 - 1768469400  # 2026-01-15T09:30:00Z, when the made run began
        assert histogram.get_end_time_stamp() - histogram.get_start_time_stamp() == pytest.approx(5e3)
        found[round(began_s / 5)] += histogram.get_total_count()
    assert found == due


def test_a_time_beyond_an_hour_is_kept_as_an_hour() -> None:
    histogram = hdr.histogram_of(np.array([5, 9 * hdr.HIGHEST_NS]))
    assert histogram.get_total_count() == 2
    assert histogram.get_value_at_percentile(100) == pytest.approx(hdr.HIGHEST_NS, rel=1e-3)


def test_the_command_names_what_it_wrote_and_asks_for_the_form(run: RunFolder, tmp_path: Path) -> None:
    done = CliRunner().invoke(export, [str(run.path), "--hdr", "--every", "30", "--to", str(tmp_path)])
    assert done.exit_code == 0
    assert sorted(done.output.split()) == sorted(str(file) for file in tmp_path.iterdir())
    assert "Missing option '--hdr'" in CliRunner().invoke(export, [str(run.path)]).output


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    refused = CliRunner().invoke(export, [str(tmp_path), "--hdr"])
    assert isinstance(refused.exception, RunFolderError)
    assert list(tmp_path.iterdir()) == []
