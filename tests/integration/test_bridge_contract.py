from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.bridge import names
from testbed.process import Part
from tests.bridge_rig import BridgeRig

_STAGES = {"queue_wait", "agent_wait", "agent_lookup", "letta_call", "retry_wait", "fallback", "total"}


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeRig]:
    with BridgeRig(tmp_path_factory.mktemp("contract")) as rig:
        yield rig


@pytest.fixture
def rig(shared_rig: BridgeRig) -> BridgeRig:
    shared_rig.reset()
    return shared_rig


@pytest.fixture
def bridge(shared_rig: BridgeRig) -> Part:
    """One bridge with default settings for all tests that need no other; no test here makes Letta fail."""
    return shared_rig.reset_to_one_bridge()


def _list_pushes(rig: BridgeRig) -> int:
    """Return how often anybody pushed to any list (LPUSH and RPUSH in Redis' own statistics)."""
    statistics = rig.client.info("commandstats")
    assert isinstance(statistics, dict)
    return sum(statistics.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("lpush", "rpush"))


@pytest.mark.usefixtures("bridge")
def test_a_permanent_message_is_answered_by_letta_with_the_fields_of_the_contract(shared_rig: BridgeRig) -> None:
    reply = shared_rig.ask("t-1", user_id="u-1")
    meta = reply.pop("meta")
    assert abs(reply.pop("timestamp") - time.time()) < 60
    text = reply.pop("response_text")
    assert reply == {"task_id": "t-1", "user_id": "u-1", "memory_updated": True, "source": "letta"}
    assert text.startswith("stub reply #1")
    assert set(meta["stages_ms"]) == _STAGES
    assert meta["attempts"] == 1
    assert meta["redelivered"] is False
    assert meta["agent_id"].startswith("agent-")
    assert (meta["trace_id"], meta["lang"]) == ("trace-t-1", "zh")


@pytest.mark.usefixtures("bridge")
def test_the_time_of_a_reply_is_the_sum_of_its_stages(shared_rig: BridgeRig) -> None:
    stages = shared_rig.ask("t-1")["meta"]["stages_ms"]
    total = stages.pop("total")
    assert sum(stages.values()) <= total


@pytest.mark.usefixtures("bridge")
def test_fifty_permanent_messages_all_reach_letta_beside_a_running_memory_python(shared_rig: BridgeRig) -> None:
    shared_rig.push_many(f"t-{number}" for number in range(50))
    shared_rig.wait_for_replies(within_s=10, quiet_s=0.2)
    assert shared_rig.account.sources() == {"letta"}
    assert shared_rig.account.surplus == 0
    assert shared_rig.letta_operations()["messages"] == 50


@pytest.mark.usefixtures("bridge")
def test_fifty_temporary_messages_are_each_answered_once_and_never_return_to_the_request_list(
    shared_rig: BridgeRig,
) -> None:
    shared_rig.client.config_resetstat()
    shared_rig.push_many((f"t-{number}" for number in range(50)), meta={"memory_type": "temporary"})
    shared_rig.wait_for_replies(within_s=10, quiet_s=0.2)
    assert shared_rig.account.sources() == {"memory-python"}
    assert not any(shared_rig.account.body(task)["memory_updated"] for task in shared_rig.account.pushed_at)
    assert shared_rig.account.surplus == 0
    requests, fallback, stored = 50, 50, 2 * 50
    assert _list_pushes(shared_rig) == requests + fallback + stored


@pytest.mark.usefixtures("bridge")
def test_words_that_once_meant_letta_do_not_overrule_the_memory_type(shared_rig: BridgeRig) -> None:
    reply = shared_rig.ask("t-1", content="请记住 remember this permanently", meta={"memory_type": "temporary"})
    assert reply["source"] == "memory-python"
    assert "messages" not in shared_rig.letta_operations()


@pytest.mark.usefixtures("bridge")
def test_the_messages_of_one_user_reach_the_agent_one_by_one_and_in_order(shared_rig: BridgeRig) -> None:
    for number in range(12):
        shared_rig.push(f"t-{number}", user_id="the same")
    shared_rig.wait_for_replies(within_s=5)
    ledger = shared_rig.letta_ledger()
    assert ledger["counters"]["max_messages_in_flight_per_agent"] == 1
    tasks = [task for task in ledger["columns"]["request_id"] if task]
    assert tasks == [f"t-{number}" for number in range(12)]
    assert ledger["counters"]["requests_by_operation"]["create_agent"] == 1


@pytest.mark.usefixtures("bridge")
def test_an_idle_user_gets_a_new_agent_while_the_others_keep_theirs(shared_rig: BridgeRig) -> None:
    agents = {user: shared_rig.ask(f"t-{user}", user_id=user)["meta"]["agent_id"] for user in ("idle", "busy")}
    assert shared_rig.client.ttl(names.USER_AGENTS) == -1
    shared_rig.client.zadd(names.USER_AGENTS_USED, {"idle": time.time() - 86_500})
    assert shared_rig.ask("u-idle", user_id="idle")["meta"]["agent_id"] != agents["idle"]
    assert shared_rig.ask("u-busy", user_id="busy")["meta"]["agent_id"] == agents["busy"]


@pytest.mark.usefixtures("bridge")
def test_an_agent_that_letta_lost_is_created_again_within_the_same_request(shared_rig: BridgeRig) -> None:
    lost = shared_rig.ask("t-1")["meta"]["agent_id"]
    httpx.delete(f"{shared_rig.letta.announced['url']}/v1/agents/{lost}").raise_for_status()
    reply = shared_rig.ask("t-2")
    assert reply["source"] == "letta"
    assert reply["meta"]["agent_id"] != lost
    assert reply["meta"]["attempts"] == 2


@pytest.mark.usefixtures("bridge")
def test_the_message_form_of_the_source_document_is_no_longer_understood_by_letta(shared_rig: BridgeRig) -> None:
    agent_id = shared_rig.ask("t-1")["meta"]["agent_id"]
    url = f"{shared_rig.letta.announced['url']}/v1/agents/{agent_id}/messages"
    old_form = {"message": "hello", "role": "user", "stream": False}
    assert httpx.post(url, json=old_form).status_code == 422
    assert httpx.post(url, json={"messages": [{"role": "user", "content": "hello"}]}).status_code == 200


@pytest.mark.parametrize("entry", ["not json", "[]", '{"user_id": "u"}'])
def test_an_entry_that_is_no_request_is_kept_aside_with_the_reason(
    shared_rig: BridgeRig, bridge: Part, entry: str
) -> None:
    shared_rig.client.lpush(names.REQUESTS, entry)
    shared_rig.ask("next")
    letters = [json.loads(letter) for letter in _strings(shared_rig, names.DEAD_LETTERS)]
    assert [letter["entry"] for letter in letters] == [entry]
    assert letters[0]["reason"]
    shared_rig.listen_until(lambda: shared_rig.stats(bridge)["in_flight"] == 0)  # a moment after the reply


@pytest.mark.parametrize(
    "changes", [{"content": ""}, {"type": "video"}, {"meta": {"memory_type": "eternal"}}, {"user_id": None}]
)
@pytest.mark.usefixtures("bridge")
def test_a_request_that_cannot_be_served_is_kept_aside_and_told_why(
    shared_rig: BridgeRig, changes: dict[str, Any]
) -> None:
    reply = shared_rig.ask("t-1", **changes)
    assert (reply["error"], reply["error_type"], reply["source"]) == (True, "invalid_request", "letta_bridge")
    assert next(iter(changes)) in reply["message"]
    assert shared_rig.client.llen(names.DEAD_LETTERS) == 1


def test_a_task_that_is_pushed_twice_is_answered_once(shared_rig: BridgeRig, bridge: Part) -> None:
    shared_rig.push("t-1")
    shared_rig.push("t-1")
    shared_rig.wait_for_replies(within_s=5)
    shared_rig.push("t-1")
    shared_rig.ask("next")
    shared_rig.listen_for(0.2)
    assert shared_rig.account.surplus == 0
    assert shared_rig.letta_calls("t-1") == 1
    assert shared_rig.stats(bridge)["duplicates_suppressed"] == 2


def test_a_temporary_message_without_memory_python_gets_one_error_reply_and_no_hot_loop(rig: BridgeRig) -> None:
    rig.set_memory(mode="absent")
    rig.start_bridge()
    rig.listen_for(0.3)  # until the stand-in noticed that it is absent
    rig.client.config_resetstat()
    reply = rig.ask("t-1", meta={"memory_type": "temporary"})
    assert (reply["error"], reply["error_type"]) == (True, "fallback_unavailable")
    assert rig.account.response_time_s("t-1") < 2.0
    assert _list_pushes(rig) == 2  # the request, and its one way to the fallback
    assert rig.client.llen(names.FALLBACK) == 0


def test_two_bridges_create_one_agent_for_a_new_user(rig: BridgeRig) -> None:
    rig.set_letta(service_times={"*": 20, "create_agent": 300})
    for name in ("one", "two"):
        rig.start_bridge(name)
    for number in range(20):
        rig.push(f"t-{number}", user_id="the same")
    rig.wait_for_replies(within_s=5)
    assert rig.letta_operations()["create_agent"] == 1
    assert rig.client.hlen(names.USER_AGENTS) == 1


def test_the_agents_that_the_bridge_creates_can_be_found_by_their_tags(rig: BridgeRig) -> None:
    rig.start_bridge(LETTA_BRIDGE_AGENT_TAGS="run-1, letta-slo")
    agent_id = rig.ask("t-1")["meta"]["agent_id"]
    found = httpx.get(f"{rig.letta.announced['url']}/v1/agents/", params={"tags": "run-1"}).json()
    assert [agent["id"] for agent in found] == [agent_id]
    assert sorted(found[0]["tags"]) == ["letta-slo", "run-1"]


def test_with_letta_switched_off_memory_python_answers_everything(rig: BridgeRig, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"letta": {"enabled": False}}))
    rig.start_bridge(LETTA_BRIDGE_CONFIG=str(config))
    reply = rig.ask("t-1")
    assert (reply["source"], reply["meta"]["fallback_reason"]) == ("memory-python", "letta_disabled")


def test_with_the_fallback_switched_off_a_failing_letta_is_an_error_reply(rig: BridgeRig) -> None:
    rig.start_bridge(LETTA_BRIDGE_FALLBACK_TO_MEMORY="false")
    rig.set_letta(faults=[{"operation": "messages", "kind": "status", "status": 422, "share": 1}])
    reply = rig.ask("t-1")
    assert reply["error_type"] == "letta_unavailable"
    assert "http_422" in reply["message"]


def _strings(rig: BridgeRig, key: str) -> list[str]:
    entries: Any = rig.client.lrange(key, 0, -1)  # bytes; the client's own type leaves that open
    return [entry.decode() for entry in entries]
