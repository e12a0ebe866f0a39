"""An answer with status 200 is good only when it has the shape of one, in every scenario."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.letta_answers import GOOD_STOPS, messages_fault, name_or, run_id_of, stop_fault, token_count

ROOT = Path(__file__).parents[2]
SAID = {"message_type": "assistant_message", "run_id": "run-1", "content": "hello"}
GOOD: dict[str, Any] = {
    "messages": [SAID],
    "stop_reason": {"message_type": "stop_reason", "stop_reason": "end_turn"},
    "usage": {"completion_tokens": 12},
}


@pytest.mark.parametrize("reason", sorted(GOOD_STOPS))
def test_a_turn_that_ended_as_intended_is_good(reason: str) -> None:
    assert stop_fault(reason) == ""
    assert messages_fault({**GOOD, "stop_reason": {"stop_reason": reason}}) == ""


@pytest.mark.parametrize(
    "reason",
    ["error", "llm_api_error", "invalid_llm_response", "invalid_tool_call", "max_tokens_exceeded", "no_tool_call",
     "cancelled", "requires_approval", "context_window_overflow_in_system_prompt", "a_reason_of_tomorrow"],
)  # fmt: skip
def test_every_other_reason_to_stop_is_bad(reason: str) -> None:
    assert stop_fault(reason) == f"stopped for {reason}"
    assert messages_fault({**GOOD, "stop_reason": {"stop_reason": reason}}) == f"stopped for {reason}"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (None, "an answer without messages"),
        ([], "an answer without messages"),
        ("hello", "an answer without messages"),
        ({**GOOD, "messages": None}, "an answer without messages"),
        ({**GOOD, "messages": []}, "an answer without messages"),
        ({**GOOD, "messages": "hello"}, "an answer whose messages are no list of objects"),
        ({**GOOD, "messages": {"0": SAID}}, "an answer whose messages are no list of objects"),
        ({**GOOD, "messages": [SAID, None]}, "an answer whose messages are no list of objects"),
        ({**GOOD, "messages": [{**SAID, "content": ""}]}, "an answer without an assistant's message"),
        ({**GOOD, "messages": [{**SAID, "content": [{"text": ""}]}]}, "an answer without an assistant's message"),
        ({**GOOD, "messages": [{**SAID, "message_type": ["x"]}]}, "an answer without an assistant's message"),
        ({**GOOD, "usage": None}, "an answer whose usage is no object"),
        ({**GOOD, "usage": [12]}, "an answer whose usage is no object"),
        ({**GOOD, "stop_reason": "end_turn"}, "an answer whose stop_reason is no object"),
        ({**GOOD, "stop_reason": None}, "an answer whose stop_reason is no object"),
        ({**GOOD, "stop_reason": {}}, "stopped for no known reason"),
        ({**GOOD, "stop_reason": {"stop_reason": "secret words"}}, "stopped for no known reason"),
        ({**GOOD, "messages": [{**SAID, "content": [{"type": "text", "text": "hello"}]}]}, ""),
        (GOOD, ""),
    ],
)
def test_an_odd_answer_to_a_message_is_named(body: Any, fault: str) -> None:
    assert messages_fault(body) == fault


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
def test_a_number_of_tokens_always_fits_a_sample(value: Any) -> None:
    assert 0 <= token_count(value) <= 65535


def test_what_a_target_says_in_words_is_no_name_of_a_reason_or_run() -> None:
    assert name_or("llm_error", "error") == "llm_error"
    assert name_or("my password is hunter2", "error") == "error"
    assert run_id_of({"run_id": {"a": 1}}) == "" and len(run_id_of({"run_id": "r" * 999})) == 100


# Locust patches the standard library when imported, so its scenarios are tried in a process of their own.
TRY_ALL = """
import importlib, json, pathlib, sys
from types import SimpleNamespace
from loadgen.reply import Reply
from loadgen.samples import Outcome
from loadgen.scenario import Scenario

class Fixed:
    def __init__(self, body): self.body = body
    def json(self, *_): return Reply(Outcome.OK, 200, self.body)

for file in sorted(pathlib.Path("loadtests").glob("scenario_*.py")):
    importlib.import_module(f"loadtests.{file.stem}")
payload = SimpleNamespace(text=lambda _: "words", query=lambda _: "words")
seen = {}
for kind in Scenario.__subclasses__():
    if kind.operation in {"bridge", "stream"}:
        continue
    for body in json.loads(sys.argv[1]):
        clients, agent = SimpleNamespace(letta=Fixed(body)), SimpleNamespace(id="agent-1")
        call = SimpleNamespace(clients=clients, agent=agent, session={}, payload=payload,
                               number=1, turn=0, request_id="id", tag="tag", model="m", embedding="e")
        reply = kind.request(None, call)
        seen.setdefault(kind.operation, []).append([reply.outcome.name, reply.detail.get("error", "")])
print(json.dumps(seen))
"""


def test_no_scenario_takes_an_odd_answer_for_a_good_one_or_breaks_on_it() -> None:
    odd: list[Any] = [None, True, 7, "words", [None], [[]]]
    done = subprocess.run(
        [sys.executable, "-c", TRY_ALL, json.dumps(odd)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert set(seen) == {"health", "agent-create", "message", "blocks-read", "blocks-write", "archival-insert",
                         "archival-search", "message-list", "conversation"}  # fmt: skip
    for operation, replies in seen.items():
        assert all(outcome == "ERROR" and error for outcome, error in replies), operation
