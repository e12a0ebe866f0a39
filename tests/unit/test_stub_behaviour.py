"""Service times and faults are functions of the seed and of the request."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.stub.behaviour import (
    Behaviour,
    BehaviourError,
    Fault,
    FaultKind,
    Operations,
    ServiceTime,
    parse,
    parse_text,
    uniform,
)

OPERATIONS = Operations(names=("chat", "other"), streaming=("chat",), timings=("gap",))
BASE = Behaviour(
    {"chat": ServiceTime(100, 0.4), "gap": ServiceTime(10), "*": ServiceTime(5)}, settings={"reply_tokens": 24.0}
)


def parsed(body: Any, base: Behaviour = BASE) -> Behaviour:
    return parse(body, base=base, operations=OPERATIONS)


def test_the_same_request_gets_the_same_service_time_and_another_seed_another() -> None:
    assert BASE.service_s("chat", "a") == BASE.service_s("chat", "a")
    assert BASE.service_s("chat", "a") != BASE.service_s("chat", "b")
    assert BASE.service_s("chat", "a") != parsed({"seed": 2}).service_s("chat", "a")


def test_lognormal_service_times_have_the_median_and_tail_they_are_given() -> None:
    times_s = sorted(BASE.service_s("chat", str(number)) for number in range(4000))
    assert statistics.median(times_s) == pytest.approx(0.100, rel=0.05)
    assert times_s[int(0.95 * 4000)] == pytest.approx(0.193, rel=0.08)  # e^(0.4 · 1.645) = 1.93


def test_a_constant_service_time_is_constant() -> None:
    assert {BASE.service_s("gap", str(number)) for number in range(9)} == {0.010}


def test_an_operation_without_a_time_of_its_own_takes_that_of_the_wildcard() -> None:
    assert BASE.service_s("other", "a") == 0.005


def test_a_new_wildcard_replaces_the_times_of_all_operations_but_no_other_timing() -> None:
    changed = parsed({"service_times": {"*": 7}})
    assert (changed.service_s("chat", "a"), changed.service_s("gap", "a")) == (0.007, 0.010)


def test_a_behaviour_survives_the_way_through_json() -> None:
    faults = [{"operation": "chat", "kind": "status", "status": 429, "share": 0.5, "remaining": 3, "delay_s": 1}]
    behaviour = parsed({"seed": 9, "faults": faults, "service_times": {"other": {"constant_ms": 3}}})
    assert parsed(behaviour.as_json()) == behaviour


def test_a_merge_keeps_what_it_does_not_name() -> None:
    first = parsed({"faults": [{"kind": "drop", "share": 0.1}], "settings": {"reply_tokens": 5}})
    assert parsed({"seed": 3}, first).faults == first.faults
    assert parsed({"faults": []}, first).faults == ()
    assert parsed({"seed": 3}, first).settings == {"reply_tokens": 5}


def test_remaining_counts_down_to_none() -> None:
    behaviour = Behaviour({}, faults=(Fault("chat", FaultKind.DROP, remaining=2),))
    hits = []
    for number in range(4):
        index = behaviour.fault_index("chat", str(number))
        hits.append(index)
        behaviour = behaviour if index is None else behaviour.spent(index)
    assert hits == [0, 0, None, None]


def test_the_first_fault_that_covers_a_request_is_the_one_that_hits_it() -> None:
    behaviour = Behaviour({}, faults=(Fault("other", FaultKind.DROP), Fault("*", FaultKind.HANG)))
    assert (behaviour.fault_index("chat", "a"), behaviour.fault_index("other", "a")) == (1, 0)


@given(share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_a_share_of_the_requests_is_hit(share: float, seed: int) -> None:
    behaviour = Behaviour({}, faults=(Fault("*", FaultKind.DROP, share=share),), seed=seed)
    hits = sum(behaviour.fault_index("chat", str(number)) is not None for number in range(400))
    assert abs(hits / 400 - share) < 0.15  # six standard deviations of a share of 400


@given(seed=st.integers(0, 2**63), purpose=st.text("ab|", max_size=5), key=st.text("ab|", max_size=5))
def test_a_draw_lies_strictly_between_0_and_1(seed: int, purpose: str, key: str) -> None:
    assert 0.0 < uniform(seed, purpose, key) < 1.0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "behaviour: found [], allowed: an object"),
        ({"seed": 1.5}, "seed: found 1.5, allowed: a whole number from 0 to"),
        ({"seed_by": "luck"}, "seed_by: found 'luck', allowed: request-id, number, arrival"),
        ({"service_times": {"chat": "fast"}}, "service_times.chat: found 'fast', allowed: an object"),
        ({"service_times": {"chat": {"median_ms": 1, "constant_ms": 1}}}, "constant_ms alone"),
        ({"faults": {}}, "faults: found {}, allowed: a list of faults"),
        ({"faults": [{"kind": "slow", "share": 1}]}, "faults[0].delay_s: found None"),
        ({"faults": [{"kind": "error_in_stream", "operation": "other", "share": 1}]}, "allowed: chat"),
        ({"faults": [{"kind": "drop", "share": True}]}, "faults[0].share: found True"),
        ({"faults": [{"kind": "drop", "remaining": 0.5}]}, "faults[0].remaining: found 0.5"),
    ],
)
def test_a_behaviour_that_cannot_be_says_where_what_and_what_is_allowed(body: Any, message: str) -> None:
    with pytest.raises(BehaviourError) as caught:
        parsed(body)
    assert message in str(caught.value)


def test_a_behaviour_that_is_no_json_is_refused() -> None:
    with pytest.raises(BehaviourError, match="a JSON object"):
        parse_text("{", base=BASE, operations=OPERATIONS)


def test_the_same_request_of_two_runs_gets_the_same_time_when_its_number_is_the_seed() -> None:
    by_number = parsed({"seed_by": "number"})
    keys = [by_number.key(f"20261121-10150{run}-ab1{run}-17-2", arrival=run) for run in range(2)]
    assert keys == ["17-2", "17-2"]
    by_id, by_arrival = parsed({"seed_by": "request-id"}), parsed({"seed_by": "arrival"})
    assert by_id.key("r-17-2", 5) == "r-17-2"
    assert by_arrival.key("r-17-2", 5) == by_id.key("", 5) == by_number.key("", 5) == "5"
