"""The crosswalk: each tool's published formula, on a stream small enough to compute by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.crosswalk import RECORDING, TOOLS, Recording, aiperf, guidellm, ours, table, vllm
from tests import render

# Due at 0, sent at 10; four chunks of six tokens; the reason for the end at 200, closed at 230.
STREAM = Recording(
    "made by hand",
    10,
    ((50, "tool_call"), (60, "tool_return"), (110, "content"), (120, "content"), (180, "content"), (200, "stop"),
     (210, "usage"), (220, "done")),
    230,
    6,
)  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "streaming-measures.md"


def test_ours_counts_from_when_it_was_due_and_to_the_end() -> None:
    assert ours(STREAM) == {
        "first, from due": 50,
        "first, from send": 40,
        "per later token, to last content": 26,
        "per later token, to the end": 36,
        "gap, mean": pytest.approx(130 / 3),
        "gap, longest": 60,
        "whole": 230,
    }


def test_aiperf_ends_with_the_last_content() -> None:
    said = aiperf(STREAM)
    assert (said["first, from send"], said["whole"]) == (40, 170)
    assert said["per later token, to last content"] == 26 and said["per later token, to the end"] == 36
    assert said["gap, mean"] == pytest.approx(130 / 3)


def test_vllm_counts_the_last_empty_chunk() -> None:
    said = vllm(STREAM)
    assert (said["first, from send"], said["whole"], said["gap, longest"]) == (40, 190, 60)
    assert said["per later token, to last content"] == 30 and said["gap, mean"] == 37.5


def test_guidellm_has_the_first_token_in_its_time_per_output_token() -> None:
    said = guidellm(STREAM)
    assert said["per token, the first included"] == pytest.approx(170 / 6)
    assert said["per later token, to last content"] == 26 and said["whole"] == 220


def test_the_table_names_each_measure_of_each_tool_and_leaves_none_without_its_value() -> None:
    rows = [line.strip("| ").split(" | ") for line in table(STREAM).splitlines()]
    assert tuple(rows[0][1:]) == TOOLS
    assert all(len(row) == 1 + len(TOOLS) for row in rows[2:])
    said = sum(cell.count("**") == 2 for row in rows[2:] for cell in row)
    assert said == sum(len(of(STREAM)) for of in (ours, aiperf, vllm, guidellm))


def test_the_page_holds_what_the_recording_gives_and_says_that_it_is_a_stub_s() -> None:
    text = PAGE.read_text()
    assert text == render.streaming_measures()
    assert "a stream of the Letta stub, a test double" in text
    assert table(Recording.parse(RECORDING.read_text())) in text
