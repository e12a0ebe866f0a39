"""Differences planted in a stub are found, all of them, and nothing else is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from testbed.conformance import sides
from testbed.conformance.differences import What, compare
from testbed.conformance.exchange import Recording
from testbed.conformance.exchanges import EVERY

ASKED = tuple(one for one in EVERY if one.fault is None and not one.overlaps)
TAG = "letta-slo-run-planted"

# A stub that differs from the true one in one field, one type, one order of events, one header and one error's text.
PLANTED = """
import testbed.letta_stub.agents_api as agents
import testbed.letta_stub.memory_api as memory
import testbed.letta_stub.turn as turn
import testbed.letta_stub.house as house
from testbed.letta_stub.__main__ import main
from testbed.letta_stub.errors import detail
from testbed.stub.stage import Reply

true_agent, true_passage, true_events = agents.agent_state, memory.passage_state, turn.events

def without_timezone(*given):
    state = true_agent(*given)
    del state["timezone"]
    return state

def with_text_for_a_flag(*given):
    return {**true_passage(*given), "is_deleted": "false"}

async def usage_before_stop(*given):
    pieces = [piece async for piece in true_events(*given)]
    *messages, stop, usage, done = pieces
    for piece in (*messages, usage, stop, done):
        yield piece

agents.agent_state = without_timezone
memory.passage_state = with_text_for_a_flag
import testbed.letta_stub.messages_api as messages
messages.events = usage_before_stop
agents._HEALTHY = Reply(agents._HEALTHY.body, headers=(*agents._HEALTHY.headers, (b"cache-control", b"no-store")))
house.unknown_agent = lambda agent_id: detail(404, f"No agent {agent_id}")
main()
"""


def recording(log_dir: Path, *command: str) -> Recording:
    with sides.stub(log_dir, command) as stub:
        return stub.record(ASKED, TAG)


@pytest.fixture(scope="module")
def true_stub(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recording(tmp_path_factory.mktemp("logs"))


def test_five_planted_differences_are_found_and_nothing_else(true_stub: Recording, tmp_path: Path) -> None:
    planted = recording(tmp_path, sys.executable, "-c", PLANTED)
    found = compare(ASKED, planted, true_stub)
    assert {(one.what, one.field.replace("body[]", "body")) for one in found} == {
        (What.MISSING, "body.timezone"),
        (What.TYPE, "body.is_deleted"),
        (What.EVENTS, "events"),
        (What.HEADER, "cache-control"),
        (What.VALUE, "body.detail"),
    }
    assert {one.exchange for one in found if one.what is What.MISSING} == {
        "agent-create",
        "agent-create-history",
        "agent-create-plain",
        "agent-get",
        "agent-modify",
        "agent-modify-context",
        "agent-modify-nothing",
        "agents-by-tag",
        "agents-first-page",
        "agents-next-page",
    }
    assert {one.exchange for one in found if one.what is What.HEADER} == {"health"}
    assert all(one.exchange.startswith(("stream-", "conversation-")) for one in found if one.what is What.EVENTS)
    texts = {one.exchange for one in found if one.what is What.VALUE}
    assert {"agent-get-unknown", "message-unknown-agent", "stream-deleted-agent"} < texts
    assert all("unknown" in name or "deleted" in name for name in texts)


def test_two_true_stubs_do_not_differ(true_stub: Recording, tmp_path: Path) -> None:
    assert compare(ASKED, recording(tmp_path), true_stub) == ()
