"""Lengths of time, as Prometheus and AOM write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.errors import RuleError
from alerts.lengths import length_of, span


@pytest.mark.parametrize(
    ("text", "length_s"),
    [("10m", 600), ("1h30m", 5400), ("30min", 1800), ("15s", 15), ("1w", 604_800), ("1500ms", 1.5), ("", 0)],
)
def test_one_is_read_as_prometheus_and_aom_write_it(text: str, length_s: float) -> None:
    assert length_of(text) == timedelta(seconds=length_s)


@pytest.mark.parametrize("text", ["soon", "5", "m", "5 m", "-5m", "5m!"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="is no length of time such as 10m"):
        length_of(text)


@pytest.mark.parametrize("text", ["5m", "90s", "1h", "3d", "36h"])
def test_one_that_is_written_is_read_again(text: str) -> None:
    assert span(length_of(text)) == text
