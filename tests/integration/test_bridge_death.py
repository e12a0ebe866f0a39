from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator
from functools import partial

import pytest

from testbed.bridge import names
from testbed.process import PartError
from tests.bridge_rig import BridgeRig

_QUICK_LEASE = {"LETTA_BRIDGE_LEASE_S": "0.5"}  # the dead are found sooner than by default, so the tests end sooner


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeRig]:
    with BridgeRig(tmp_path_factory.mktemp("death")) as rig:
        yield rig


@pytest.fixture
def rig(shared_rig: BridgeRig) -> BridgeRig:
    shared_rig.reset()
    return shared_rig


def _in_flight_at_letta(rig: BridgeRig) -> int:
    return int(rig.letta_ledger()["counters"]["in_flight"])


def test_no_request_is_lost_and_none_answered_twice_when_the_bridge_is_killed_in_the_middle(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 1200, "create_agent": 5})
    bridge = rig.start_bridge(LETTA_BRIDGE_MAX_CONCURRENCY="20", **_QUICK_LEASE)
    rig.push_many(f"t-{number}" for number in range(60))
    rig.listen_until(lambda: _in_flight_at_letta(rig) >= 10)
    bridge.kill()
    assert len(rig.account.unanswered) >= 40
    pending = rig.client.llen(names.REQUESTS)
    assert isinstance(pending, int)
    assert pending >= 20
    rig.start_bridge(**_QUICK_LEASE)
    rig.wait_for_replies(within_s=10, quiet_s=0.3)
    assert rig.account.surplus == 0
    redelivered = [task for task in rig.account.pushed_at if rig.account.body(task)["meta"]["redelivered"]]
    assert 10 <= len(redelivered) <= 20
    assert not list(rig.client.scan_iter(match=names.processing("*")))


def test_ten_deaths_at_random_moments_lose_nothing(rig: BridgeRig) -> None:
    chance = random.Random(20260124)
    rig.set_letta(service_times={"*": {"median_ms": 60, "sigma": 0.6}})
    settings = {"LETTA_BRIDGE_MAX_DELIVERIES": "20", "LETTA_BRIDGE_MAX_CONCURRENCY": "15", **_QUICK_LEASE}
    for death in range(10):
        bridge = rig.start_bridge(**settings)
        for number in range(25):
            rig.push(f"t-{death}-{number}", user_id=f"user-{chance.randrange(30)}")
        rig.listen_for(chance.uniform(0.0, 0.25))
        bridge.kill()
    rig.start_bridge(**settings)
    rig.wait_for_replies(within_s=15, quiet_s=0.3)
    assert len(rig.account.pushed_at) == 250
    assert rig.account.surplus == 0
    assert rig.client.llen(names.DEAD_LETTERS) == 0


def test_the_requests_of_a_dead_bridge_are_taken_over_by_one_that_lives_and_in_their_order(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 400, "create_agent": 5})
    doomed = rig.start_bridge("doomed", LETTA_BRIDGE_INSTANCE_ID="doomed", **_QUICK_LEASE)
    rig.push_many((f"t-{number}" for number in range(8)), timestamp=1.5)
    rig.listen_until(lambda: rig.client.llen(names.processing("doomed")) == 8)
    doomed.kill()
    rig.set_letta(service_times={"*": 5})
    rig.start_bridge("heir", LETTA_BRIDGE_MAX_CONCURRENCY="1", **_QUICK_LEASE)
    rig.wait_for_replies(within_s=5)
    answered = sorted(rig.account.replies, key=lambda task: rig.account.replies[task][0].heard_at)
    assert answered == [f"t-{number}" for number in range(8)]
    assert all(rig.account.body(task)["meta"]["redelivered"] for task in answered)


def test_a_restart_under_the_same_name_takes_its_own_requests_up_again(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 400, "create_agent": 5})
    first = rig.start_bridge("first", LETTA_BRIDGE_INSTANCE_ID="bridge-0", **_QUICK_LEASE)
    rig.push_many(f"t-{number}" for number in range(8))
    rig.listen_until(lambda: rig.client.llen(names.processing("bridge-0")) == 8)
    first.kill()
    rig.start_bridge("second", LETTA_BRIDGE_INSTANCE_ID="bridge-0", **_QUICK_LEASE)
    rig.wait_for_replies(within_s=5, quiet_s=0.2)
    assert rig.account.surplus == 0


def test_a_second_live_bridge_of_the_same_name_is_refused(rig: BridgeRig) -> None:
    first = rig.start_bridge("first", LETTA_BRIDGE_INSTANCE_ID="bridge-0", **_QUICK_LEASE)
    rig.ask("t-1")
    second = rig.start_bridge("second", LETTA_BRIDGE_INSTANCE_ID="bridge-0", **_QUICK_LEASE)
    assert second.process.wait(timeout=10) == 2
    assert "another live bridge has the instance id 'bridge-0'" in second.log.read_text()
    assert rig.ask("t-2")["source"] == "letta"
    assert first.is_running


def test_a_stalled_bridge_that_wakes_up_after_its_requests_were_taken_over_answers_none_twice(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 300, "create_agent": 5})
    stalled = rig.start_bridge("stalled", **_QUICK_LEASE)
    rig.push_many(f"t-{number}" for number in range(8))
    rig.listen_until(lambda: rig.stats(stalled)["in_flight"] == 8)
    os.kill(stalled.pid, signal.SIGSTOP)
    try:
        rig.start_bridge("other", **_QUICK_LEASE)
        rig.wait_for_replies(within_s=5)
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
    rig.listen_for(0.6)
    assert rig.account.surplus == 0
    assert stalled.is_running


def test_a_request_over_which_too_many_bridges_died_is_put_aside_and_its_sender_told(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 1000, "create_agent": 5})
    rig.push("t-1", timestamp=1.5)
    for death in range(2):
        name = f"doomed-{death}"
        variables = {"LETTA_BRIDGE_MAX_DELIVERIES": "2", "LETTA_BRIDGE_INSTANCE_ID": name, **_QUICK_LEASE}
        bridge = rig.start_bridge(name, **variables)
        rig.listen_until(partial(rig.client.llen, names.processing(name)))
        bridge.kill()
    rig.start_bridge(LETTA_BRIDGE_MAX_DELIVERIES="2", **_QUICK_LEASE)
    rig.wait_for_replies(within_s=5)
    reply = rig.account.body("t-1")
    assert (reply["error_type"], reply["meta"]["redelivered"]) == ("too_many_deliveries", True)
    assert rig.client.llen(names.DEAD_LETTERS) == 1


def test_two_bridges_share_the_requests_and_double_none(rig: BridgeRig) -> None:
    bridges = [rig.start_bridge(name, LETTA_BRIDGE_MAX_CONCURRENCY="10") for name in ("one", "two")]
    rig.push_many(f"t-{number}" for number in range(100))
    rig.wait_for_replies(within_s=10, quiet_s=0.3)
    assert rig.account.surplus == 0
    assert max(rig.letta_ledger()["columns"]["request_id"].count(task) for task in rig.account.pushed_at) == 1
    assert all(rig.stats(bridge)["taken"] >= 10 for bridge in bridges)


def test_told_to_stop_under_load_the_bridge_finishes_what_it_has_and_leaves_the_rest(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 500, "create_agent": 5})
    bridge = rig.start_bridge(LETTA_BRIDGE_MAX_CONCURRENCY="10")
    rig.push_many(f"t-{number}" for number in range(40))
    rig.listen_until(lambda: rig.stats(bridge)["in_flight"] == 10)
    assert bridge.stop(grace_s=6) == 0
    rig.listen_for(0.2)
    answered = len(rig.account.replies)
    assert answered >= 10
    assert rig.client.llen(names.REQUESTS) == 40 - answered
    assert not list(rig.client.scan_iter(match=names.processing("*")))
    rig.start_bridge()
    rig.wait_for_replies(within_s=5, quiet_s=0.2)
    assert rig.account.surplus == 0


def test_an_idle_bridge_that_is_told_to_stop_exits_with_0(rig: BridgeRig) -> None:
    bridge = rig.start_bridge()
    assert bridge.stop(grace_s=5) == 0
    assert rig.client.scard(names.INSTANCES) == 0


@pytest.mark.parametrize("variables", [{"LETTA_TIMEOUT": "soon"}, {"LETTA_BRIDGE_CONFIG": "/does/not/exist.json"}])
def test_a_bridge_that_is_set_up_wrongly_exits_with_2_and_says_why(rig: BridgeRig, variables: dict[str, str]) -> None:
    with pytest.raises(PartError, match="exited with 2") as caught:
        rig.start_bridge("wrong", **variables)
    assert next(iter(variables.values())) in str(caught.value)


def test_the_log_has_no_word_of_what_users_say(rig: BridgeRig) -> None:
    bridge = rig.start_bridge("quiet")
    rig.set_letta(service_times={"*": 20}, faults=[{"operation": "messages", "kind": "status", "share": 1}])
    rig.ask("t-1", content="planted secret 4711")
    rig.client.lpush(names.REQUESTS, "planted secret 4711")
    rig.client.lpush(names.REQUESTS, json.dumps({"task_id": "t-2", "content": "planted secret 4711"}))
    rig.ask("t-3")
    bridge.stop()
    log = bridge.log.read_text()
    assert "4711" not in log
    assert all(json.loads(line)["severity_text"] for line in log.splitlines())


@pytest.fixture(scope="module")
def durable_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeRig]:
    with BridgeRig(tmp_path_factory.mktemp("durable"), data_dir=tmp_path_factory.mktemp("data")) as rig:
        yield rig


def test_nothing_is_lost_when_redis_is_killed_and_comes_back_with_its_log(durable_rig: BridgeRig) -> None:
    durable_rig.reset()
    durable_rig.set_letta(service_times={"*": 300, "create_agent": 5})
    bridge = durable_rig.start_bridge(LETTA_BRIDGE_MAX_CONCURRENCY="10", **_QUICK_LEASE)
    durable_rig.push_many(f"t-{number}" for number in range(30))
    durable_rig.listen_until(lambda: durable_rig.stats(bridge)["in_flight"] == 10)
    durable_rig.restart_redis()
    durable_rig.listen_until(lambda: len(list(durable_rig.client.scan_iter(match=names.done("*")))) == 30, within_s=15)
    stats = durable_rig.stats(bridge)
    assert sum(stats["replied"].values()) == 30
    # Pub/sub keeps nothing: what was published before our listener was back too is counted as unheard.
    durable_rig.listen_for(0.2)
    assert len(durable_rig.account.unanswered) <= stats["unheard"]
    assert durable_rig.account.surplus == 0


def test_a_bridge_waits_for_a_redis_that_is_not_there_yet(durable_rig: BridgeRig) -> None:
    durable_rig.reset()
    durable_rig.redis.kill()
    bridge = durable_rig.start_bridge()
    away = {"healthy": False, "redis": False, "joined": False, "letta_breaker": "closed"}
    assert durable_rig.health(bridge) == away
    durable_rig.restart_redis()
    assert durable_rig.ask("t-1", within_s=10)["source"] in ("letta", "memory-python")
    assert durable_rig.health(bridge)["healthy"]


def test_a_bridge_that_still_waits_for_redis_stops_when_it_is_told(durable_rig: BridgeRig) -> None:
    durable_rig.reset()
    durable_rig.redis.kill()
    bridge = durable_rig.start_bridge()
    assert bridge.stop(grace_s=5) == 0
    durable_rig.restart_redis()
