"""What counters counted: whole numbers, through resets and missed scrapes, and what could not be seen is said."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.counters import CounterSamples, Growth, growth, scrape_interval_s, uncovered_s


def samples(*values: float, at: list[float] | None = None) -> CounterSamples:
    return CounterSamples(at or [15.0 * n for n in range(len(values))], values)


def grown(one: CounterSamples, from_s: float = 0.0, to_s: float = 1e9, *, zero: bool = False) -> Growth:
    return growth(one, from_s, to_s, interval_s=15.0, began_at_zero=zero)


def test_the_last_sample_before_the_window_is_what_the_first_is_compared_with() -> None:
    found = grown(samples(100, 103, 110, 110, 140), from_s=20, to_s=50)
    assert found.counts.tolist() == [7, 0]
    assert found.times_s.tolist() == [30, 45]
    assert found.is_start_known


def test_after_a_reset_the_count_goes_on_from_zero_and_it_is_said() -> None:
    found = grown(samples(100, 110, 4, 9))
    assert found.total == 10 + 4 + 5
    assert found.resets == (30.0,)
    assert not found.lost


def test_a_missed_scrape_loses_nothing_and_is_said() -> None:
    found = grown(samples(0, 5, 9, at=[0, 15, 45]))
    assert (found.total, found.missed, found.gaps) == (9, (45.0,), ())


def test_a_gap_in_which_the_counter_began_again_lost_something() -> None:
    found = grown(samples(0, 50, 3, at=[0, 15, 115]))
    assert found.gaps == found.lost == ((15.0, 115.0),)


def test_a_counter_that_appears_counts_from_zero_only_where_somebody_was_watching() -> None:
    assert grown(samples(7, 9, at=[30, 45]), zero=True).total == 9
    unknown = grown(samples(7, 9, at=[30, 45]), zero=False)
    assert unknown.total == 2
    assert not unknown.is_start_known


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=2, max_size=60),
    st.integers(0, 59),
    st.integers(0, 59),
)
def test_every_event_between_two_scrapes_is_counted_whatever_the_resets(
    steps: list[tuple[int, bool]], begin: int, end: int
) -> None:
    """A reset shows when the value falls; nobody sees one that outgrew the old value between two scrapes."""
    values = list(accumulate((count for count, _ in steps), initial=0))[1:]
    shown: list[int] = []
    base = 0
    for value, (count, is_reset) in zip(values, steps, strict=True):
        if is_reset and shown and count < shown[-1]:
            base = value - count
        shown.append(value - base)
    begin, end = sorted((begin % len(steps), end % len(steps)))
    found = grown(samples(*shown), from_s=15.0 * begin, to_s=15.0 * end)
    assert found.total == sum(count for count, _ in steps[begin + 1 : end + 1])


def test_what_is_no_count_of_events_is_refused() -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        samples(1.5)
    with pytest.raises(ValueError, match="ascending"):
        samples(1, 2, at=[15, 15])


def test_the_scrape_interval_is_the_usual_distance_of_samples() -> None:
    assert scrape_interval_s([np.array([0.0, 15.0, 30.0, 60.0]), np.array([5.0])]) == 15.0
    assert scrape_interval_s([np.array([5.0])]) is None


def test_what_nobody_saw_is_not_covered() -> None:
    assert uncovered_s([10, 20, 30, 80, 90], 0, 100, interval_s=10) == 50
    assert uncovered_s([], 0, 100, interval_s=10) == 100
    assert uncovered_s([10, 20], 0, 100, interval_s=10) == 80
