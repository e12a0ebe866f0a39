from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.bridge import names
from testbed.process import Part
from tests.bridge_rig import BridgeRig

_ATTEMPTS = 3
_FAULTS: dict[str, dict[str, Any]] = {
    "422": {"kind": "status", "status": 422},
    "401": {"kind": "status", "status": 401},
    "429": {"kind": "status", "status": 429},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "hang": {"kind": "hang"},
    "garbage": {"kind": "garbage"},
    "truncate": {"kind": "truncate"},
    "drop": {"kind": "drop"},
}


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeRig]:
    with BridgeRig(tmp_path_factory.mktemp("faults")) as rig:
        yield rig


@pytest.fixture
def rig(shared_rig: BridgeRig) -> BridgeRig:
    shared_rig.reset()
    return shared_rig


@pytest.fixture
def bridge(shared_rig: BridgeRig) -> Part:
    """One bridge for the tests in which Letta fails fewer times in a row than open the breaker."""
    return shared_rig.reset_to_one_bridge()


def _break_letta(rig: BridgeRig, fault: str) -> None:
    rig.set_letta(service_times={"*": 20}, faults=[{"operation": "messages", "share": 1, **_FAULTS[fault]}])


def _breaker_state(rig: BridgeRig, bridge: Part) -> str:
    return str(rig.stats(bridge)["breaker"]["state"])


@pytest.mark.parametrize("fault", list(_FAULTS))
@pytest.mark.usefixtures("bridge")
def test_a_failing_letta_costs_few_calls_and_the_fallback_replies_in_time(shared_rig: BridgeRig, fault: str) -> None:
    shared_rig.ask("before")
    _break_letta(shared_rig, fault)
    reply = shared_rig.ask("t-1")
    assert (reply["source"], reply["memory_updated"]) == ("memory-python", False)
    assert shared_rig.account.response_time_s("t-1") < 2.0
    is_passing = fault in ("429", "502", "503", "drop")
    assert shared_rig.letta_calls("t-1") == (_ATTEMPTS if is_passing else 1)
    assert reply["meta"]["attempts"] == shared_rig.letta_calls("t-1")
    shared_rig.listen_for(0.3)
    assert shared_rig.letta_calls("t-1") <= _ATTEMPTS
    assert shared_rig.client.llen(names.REQUESTS) == 0


@pytest.mark.parametrize(("fault", "mode"), [("422", "absent"), ("503", "hang"), ("hang", "absent")])
@pytest.mark.usefixtures("bridge")
def test_with_letta_failing_and_no_fallback_there_is_an_error_reply_in_time(
    shared_rig: BridgeRig, fault: str, mode: str
) -> None:
    shared_rig.ask("before")
    shared_rig.set_memory(mode=mode)
    shared_rig.listen_for(0.3)  # until the stand-in noticed
    _break_letta(shared_rig, fault)
    reply = shared_rig.ask("t-1")
    assert (reply["error"], reply["error_type"]) == (True, "fallback_unavailable")
    assert shared_rig.account.response_time_s("t-1") < 2.0
    assert shared_rig.letta_calls("t-1") <= _ATTEMPTS
    assert shared_rig.client.llen(names.FALLBACK) == 0


@pytest.mark.usefixtures("bridge")
def test_a_passing_trouble_is_bridged_by_a_retry(shared_rig: BridgeRig) -> None:
    shared_rig.ask("before")
    shared_rig.set_letta(
        service_times={"*": 20}, faults=[{"operation": "messages", "kind": "status", "status": 503, "remaining": 2}]
    )
    reply = shared_rig.ask("t-1")
    assert (reply["source"], reply["meta"]["attempts"]) == ("letta", 3)
    assert reply["meta"]["stages_ms"]["retry_wait"] > 0


def test_letta_is_not_asked_for_what_it_cannot_answer_in_the_time_that_is_left(rig: BridgeRig) -> None:
    rig.start_bridge()
    rig.set_letta(service_times={"*": 20, "messages": 500})
    assert rig.ask("t-1")["source"] == "letta"
    late = rig.ask("t-2", timestamp=time.time() - 1.2)
    assert (late["source"], late["meta"]["fallback_reason"]) == ("memory-python", "too_little_time")
    assert rig.letta_calls("t-2") == 0
    assert rig.ask("t-3", timestamp=time.time() - 0.6)["source"] == "letta"


def test_a_letta_that_became_quick_again_is_asked_again(rig: BridgeRig) -> None:
    """However slow it was, a request with half of the deadline left goes to it."""
    rig.start_bridge()
    rig.set_letta(service_times={"*": 20, "messages": 1300})
    assert rig.ask("t-1")["source"] == "letta"
    rig.set_letta(service_times={"*": 20})
    assert rig.ask("t-2", timestamp=time.time() - 0.6)["source"] == "letta"


def test_every_message_is_answered_in_time_while_letta_hangs_and_no_call_is_left_behind(rig: BridgeRig) -> None:
    bridge = rig.start_bridge()
    users = [f"t-{number}" for number in range(20)]
    rig.push_many(f"before-{user}" for user in users)
    rig.wait_for_replies(within_s=5)
    _break_letta(rig, "hang")
    rig.push_many(users)
    rig.wait_for_replies(within_s=5)
    assert all(rig.account.response_time_s(task) < 2.0 for task in users)
    assert all(rig.letta_calls(task) <= _ATTEMPTS for task in users)
    assert rig.stats(bridge)["in_flight"] == 0


def test_an_outage_of_letta_opens_the_breaker_and_its_end_closes_it_without_help(rig: BridgeRig) -> None:
    bridge = rig.start_bridge()
    rig.ask("before")
    rig.take_letta_down(for_s=60)
    for number in range(4):
        rig.ask(f"down-{number}")
    assert _breaker_state(rig, bridge) == "open"
    calls = rig.stats(bridge)["letta_calls"]["messages"]
    reply = rig.ask("quick")
    assert reply["meta"]["fallback_reason"] == "breaker_open"
    assert rig.stats(bridge)["letta_calls"]["messages"] == calls
    rig.take_letta_down(for_s=0.1)
    rig.listen_for(0.2)
    back = _first_reply_of_letta(rig, within_s=2.0)
    assert rig.account.body(back)["source"] == "letta"
    assert _breaker_state(rig, bridge) == "closed"


def _first_reply_of_letta(rig: BridgeRig, *, within_s: float) -> str:
    """Ask ten times a second until Letta answers; fail when it does not within the time."""
    for number in range(int(within_s * 10)):
        if rig.ask(f"after-{number}")["source"] == "letta":
            return f"after-{number}"
        rig.listen_for(0.1)
    raise AssertionError(f"Letta is back, but nothing was asked of it for {within_s:g} s")


def test_a_request_that_is_too_old_for_letta_when_it_is_taken_goes_straight_to_the_fallback(rig: BridgeRig) -> None:
    for number in range(5):
        rig.push(f"t-{number}", timestamp=1.5)  # no epoch time: it says nothing about the age
    rig.push("old")
    rig.listen_for(1.6)
    bridge = rig.start_bridge()
    rig.wait_for_replies(within_s=5)
    assert rig.account.body("t-0")["source"] == "letta"
    assert rig.account.body("old")["meta"]["fallback_reason"] == "too_old"
    assert rig.letta_calls("old") == 0
    assert rig.stats(bridge)["shed"] == 1


def test_what_there_is_no_room_for_stays_in_redis(rig: BridgeRig) -> None:
    bridge = rig.start_bridge(LETTA_BRIDGE_MAX_CONCURRENCY="10")
    rig.set_letta(service_times={"*": 1000, "create_agent": 5})
    rig.push_many(f"t-{number}" for number in range(60))
    rig.listen_until(lambda: rig.stats(bridge)["in_flight"] == 10)
    assert rig.client.llen(names.REQUESTS) == 50
    rig.wait_for_replies(within_s=10, quiet_s=0.2)
    assert rig.account.surplus == 0


def test_an_agent_that_takes_long_to_create_is_there_for_the_next_message(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 20, "create_agent": 1800})
    rig.start_bridge()
    assert rig.ask("t-1")["meta"]["fallback_reason"] == "agent_creation_slow"
    assert rig.account.response_time_s("t-1") < 2.0
    rig.listen_until(lambda: rig.client.hlen(names.USER_AGENTS) == 1)
    assert rig.ask("t-2")["source"] == "letta"
    assert rig.letta_operations()["create_agent"] == 1


def test_a_letta_that_is_down_at_the_start_does_not_end_the_bridge(rig: BridgeRig) -> None:
    rig.take_letta_down(for_s=60)
    bridge = rig.start_bridge()
    assert rig.ask("t-1")["source"] == "memory-python"
    rig.take_letta_down(for_s=0.1)
    rig.listen_for(0.2)
    _first_reply_of_letta(rig, within_s=3.0)
    assert bridge.is_running


def test_a_dead_memory_python_is_noticed_and_then_tried_only_now_and_then(rig: BridgeRig) -> None:
    bridge = rig.start_bridge(LETTA_BRIDGE_FALLBACK_BREAKER_FAILURES="3", LETTA_BRIDGE_DEADLINE_S="0.1")
    rig.set_memory(mode="absent")
    rig.listen_for(0.3)
    rig.push_many((f"t-{number}" for number in range(3)), meta={"memory_type": "temporary"})
    rig.wait_for_replies(within_s=5)
    assert rig.stats(bridge)["fallback_breaker"]["state"] == "open"
    reply = rig.ask("quick", meta={"memory_type": "temporary"})
    assert "fallback_breaker_open" in reply["message"]
    rig.set_memory()
    rig.listen_for(1.1)
    assert rig.ask("again", meta={"memory_type": "temporary"})["source"] == "memory-python"
