from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from testbed.bridge.breaker import Breaker, Permit, State


@dataclass
class SteppingClock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def _breaker(failures: int = 3) -> tuple[Breaker, SteppingClock]:
    clock = SteppingClock()
    return Breaker(failures_to_open=failures, open_s=1.0, clock=clock), clock


def _admitted(breaker: Breaker) -> Permit:
    permit = breaker.admit()
    assert permit is not None
    return permit


def _state(breaker: Breaker) -> State:
    """Read the state; a plain attribute would make mypy believe that it cannot change between two lines."""
    return breaker.state


def _open(breaker: Breaker) -> None:
    while breaker.state is State.CLOSED:
        breaker.failed(_admitted(breaker))


def test_a_breaker_opens_at_the_given_number_of_failures_in_a_row_and_admits_nothing() -> None:
    breaker, _ = _breaker(failures=3)
    for _unused in range(2):
        breaker.failed(_admitted(breaker))
    assert _state(breaker) is State.CLOSED
    breaker.failed(_admitted(breaker))
    assert _state(breaker) is State.OPEN
    assert breaker.admit() is None
    assert breaker.times_opened == 1


def test_one_success_ends_a_row_of_failures() -> None:
    breaker, _ = _breaker(failures=3)
    for outcome in (breaker.failed, breaker.failed, breaker.succeeded, breaker.failed, breaker.failed):
        outcome(_admitted(breaker))
    assert _state(breaker) is State.CLOSED


def test_after_the_open_time_one_trial_is_admitted_and_its_success_closes_the_breaker() -> None:
    breaker, clock = _breaker()
    _open(breaker)
    clock.now += 1.0
    trial = _admitted(breaker)
    assert _state(breaker) is State.HALF_OPEN
    assert breaker.admit() is None
    breaker.succeeded(trial)
    assert _state(breaker) is State.CLOSED
    assert breaker.admit() is not None


def test_a_failed_trial_leaves_the_breaker_open_until_the_next_trial_is_due() -> None:
    breaker, clock = _breaker()
    _open(breaker)
    clock.now += 1.0
    breaker.failed(_admitted(breaker))
    assert _state(breaker) is State.OPEN
    clock.now += 0.9
    assert breaker.admit() is None
    clock.now += 0.1
    assert breaker.admit() is not None


def test_a_trial_that_never_reports_does_not_keep_the_next_one_from_starting() -> None:
    breaker, clock = _breaker()
    _open(breaker)
    clock.now += 1.0
    _admitted(breaker)
    clock.now += 1.0
    breaker.succeeded(_admitted(breaker))
    assert _state(breaker) is State.CLOSED


def test_calls_from_before_the_opening_neither_close_nor_reopen_the_breaker() -> None:
    breaker, clock = _breaker(failures=2)
    early = [_admitted(breaker) for _ in range(6)]
    breaker.failed(early[0])
    breaker.failed(early[1])
    breaker.succeeded(early[2])
    assert _state(breaker) is State.OPEN
    clock.now += 1.0
    breaker.succeeded(_admitted(breaker))
    breaker.failed(early[3])
    breaker.failed(early[4])
    assert _state(breaker) is State.CLOSED


@given(st.lists(st.tuples(st.sampled_from(["ask", "ok", "fail", "wait"]), st.floats(0.0, 2.0)), max_size=60))
def test_an_open_breaker_admits_at_most_one_trial_in_each_open_time(steps: list[tuple[str, float]]) -> None:
    breaker, clock = _breaker(failures=1)
    _open(breaker)
    trials: list[tuple[float, Permit]] = []
    for step, seconds in steps:
        if breaker.state is State.CLOSED:
            break
        if step == "wait":
            clock.now += seconds
        elif step == "ask":
            permit = breaker.admit()
            if permit is not None:
                trials.append((clock.now, permit))
        elif trials:
            (breaker.succeeded if step == "ok" else breaker.failed)(trials[-1][1])
    starts = [at for at, _ in trials]
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(starts))
