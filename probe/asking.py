"""How is one probe sent, and what came back? The judgement of an answer is that of a load run."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import httpx
import redis

from loadgen import prepare
from loadgen.bridge_exchange import exchange
from loadgen.bridge_protocol import request
from loadgen.letta_answers import messages_fault, token_count
from loadgen.target import control

_TEXT = "Say in one word that you are there."
_CHARS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one probe; `error` is empty for a good answer, and holds nothing that the target said in words."""

    error: str = ""
    source: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class Asker(Protocol):
    """One way to a deployment."""

    operation: str

    def ask(self, timeout_s: float) -> Answer:
        """Send one probe and wait for its answer; whatever a target does becomes an error in it."""

    def close(self) -> None:
        """Take away what was made, and disconnect."""


class _TooLateError(Exception):
    pass


class LettaMessages:
    """Messages straight to Letta, to an agent of our own that is replaced now and then: its history costs tokens."""

    operation = "message"

    def __init__(self, url: str, tag: str, *, model: str, embedding: str, renew_after: int) -> None:
        """Make the agent; raises TargetError."""
        self._url, self._tag, self._model, self._embedding = url, tag, model, embedding
        self._renew_after = renew_after
        self._asked = 0
        self._agent = self._make()
        self._stack = ExitStack()
        self._client = self._stack.enter_context(control(url))

    def ask(self, timeout_s: float) -> Answer:
        """Send a message and judge the whole answer."""
        self._asked += 1
        try:
            status, raw = self._post(time.monotonic() + timeout_s, timeout_s)
        except (httpx.TimeoutException, _TooLateError):
            return Answer(f"no complete answer within {timeout_s:g} s")
        except httpx.HTTPError as error:
            return Answer(type(error).__name__)
        if not 200 <= status < 300:
            return Answer(f"HTTP {status}")
        try:
            found = json.loads(raw)
        except ValueError:
            return Answer("an answer that is no JSON")
        if fault := messages_fault(found):
            return Answer(fault)
        usage = found["usage"]
        return Answer("", "letta", token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens")))

    def _post(self, until: float, timeout_s: float) -> tuple[int, bytes]:
        """Return status and body; a body that comes drop by drop is given up at `until`, too."""
        body = {"messages": [{"role": "user", "content": _TEXT}]}
        path = f"/v1/agents/{self._agent}/messages"
        with self._client.stream("POST", path, json=body, timeout=timeout_s) as response:
            pieces = []
            for piece in response.iter_bytes():
                pieces.append(piece)
                if time.monotonic() > until:
                    raise _TooLateError
            return response.status_code, b"".join(pieces)

    def renew_when_due(self) -> None:
        """Replace an agent with a long history, between two probes; raises TargetError."""
        if self._asked >= self._renew_after:
            prepare.delete_agents(self._url, self._tag)
            self._agent, self._asked = self._make(), 0

    def close(self) -> None:
        """Remove the agent; raises TargetError."""
        self._stack.close()
        prepare.delete_agents(self._url, self._tag)

    def _make(self) -> str:
        (agent,) = prepare.create_agents(self._url, 1, self._tag, model=self._model, embedding=self._embedding)
        return agent


class BridgeRequests:
    """Requests of one user through the bridge."""

    operation = "bridge"

    def __init__(self, url: str, user: str) -> None:
        self._user = user
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=5.0, socket_timeout=5.0)

    def ask(self, timeout_s: float) -> Answer:
        """Push a request and wait for its reply."""
        task_id = str(uuid.uuid4())
        asked = request(task_id, self._user, _TEXT)
        try:
            reply = exchange(self._redis, [asked], time.monotonic() + timeout_s).get(task_id)
        except redis.RedisError as error:
            return Answer(f"Redis: {type(error).__name__}")
        if reply is None:
            return Answer(f"no reply within {timeout_s:g} s")
        source = reply.get("source") if reply.get("source") in ("letta", "memory-python") else ""
        if reply.get("error"):
            return Answer("error reply", str(source))
        if not isinstance(reply.get("response_text"), str) or not reply["response_text"]:
            return Answer("a reply without response_text", str(source))
        # The bridge tells no usage: both ways estimated from the texts, the agent's own part left out.
        return Answer("", str(source), len(_TEXT) // _CHARS_A_TOKEN, len(reply["response_text"]) // _CHARS_A_TOKEN)

    def close(self) -> None:
        """Disconnect."""
        self._redis.close()
