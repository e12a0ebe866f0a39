"""Does every request get exactly one reply? A bridge with all that surrounds it, and an account of both sides."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import redis

from testbed.bridge import names
from testbed.embedded_redis import EmbeddedRedis
from testbed.process import Part, python_part, start

MODEL = "openai-proxy/gpt-4o-mini"  # the one that the Letta stub offers
_CONTROL_TIMEOUT_S = 5.0
_POLL_S = 0.03


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as a listener heard it; `heard_at` is the time of the monotonic clock in seconds."""

    heard_at: float
    body: dict[str, Any]


@dataclass(slots=True)
class Account:
    """When each request was pushed, and every reply that was heard for it."""

    pushed_at: dict[str, float] = field(default_factory=dict)
    replies: dict[str, list[Reply]] = field(default_factory=dict)

    @property
    def unanswered(self) -> set[str]:
        """Tasks without any reply so far."""
        return set(self.pushed_at) - set(self.replies)

    @property
    def surplus(self) -> int:
        """Replies beyond the first of each task."""
        return sum(len(replies) - 1 for replies in self.replies.values())

    def body(self, task_id: str) -> dict[str, Any]:
        """Return the first reply of a task."""
        return self.replies[task_id][0].body

    def response_time_s(self, task_id: str) -> float:
        """Return the time from the push of a task to its first reply."""
        return self.replies[task_id][0].heard_at - self.pushed_at[task_id]

    def sources(self) -> set[str]:
        """Return who answered."""
        return {replies[0].body["source"] for replies in self.replies.values()}


class BridgeRig:
    """Redis (real), the Letta stub and the memory-python stand-in; bridges are started on it as needed."""

    def __init__(self, log_dir: Path, *, data_dir: Path | None = None) -> None:
        self._log_dir = log_dir
        self._data_dir = data_dir
        self._stack = ExitStack()
        self._bridges: list[Part] = []
        self._usual: Part | None = None
        self.redis = EmbeddedRedis(log_dir, data_dir=data_dir)
        self.account = Account()

    def __enter__(self) -> Self:
        try:
            self._stack.enter_context(self.redis)
            self.memory = self._start("memory-python", "testbed.memory_python", env=self._redis_variables())
            self.letta = self._start("letta-stub", "testbed.letta_stub", env={})
            self._control = self._stack.enter_context(httpx.Client(timeout=_CONTROL_TIMEOUT_S))
            self.connect()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_bridges()
        self._stack.close()

    def connect(self) -> None:
        """Connect producer and listener to Redis; again after Redis was restarted."""
        self.client = self._stack.enter_context(redis.Redis(host=self.redis.host, port=self.redis.port))
        self._listener = self._stack.enter_context(self.client.pubsub(ignore_subscribe_messages=True))
        self._listener.subscribe(names.RESPONSES)
        self._listener.get_message(timeout=1.0)

    def restart_redis(self) -> None:
        """Kill Redis and start it again on the same port; what it has kept depends on the data directory."""
        self.redis.kill()
        self.redis = EmbeddedRedis(self._log_dir, port=self.redis.port, data_dir=self._data_dir)
        self._stack.enter_context(self.redis)
        self.connect()

    def reset(self, *, keep: Part | None = None) -> None:
        """Stop all bridges but `keep` and forget everything, so that the next user finds the rig as new."""
        self.stop_bridges(keep=keep)
        self.client.flushall()
        self.listen_for(0.05)
        self.account = Account()
        self.set_letta(service_times={"*": 20})
        self.set_memory()
        self._control.post(f"{self.letta.announced['control']}/up").raise_for_status()
        self._control.delete(f"{self.letta.announced['control']}/ledger").raise_for_status()

    def reset_to_one_bridge(self) -> Part:
        """Reset, and return a running bridge with default settings: the one that was there before, if it still is.

        For users who leave the bridge well; one with an open breaker would spoil the next user's results.
        """
        if self._usual is None or not self._usual.is_running:
            self.reset()
            self._usual = self.start_bridge("usual")
        else:
            self.reset(keep=self._usual)
        return self._usual

    def start_bridge(self, name: str = "bridge", **variables: str) -> Part:
        """Start a bridge with these environment variables beside those that tie it to the rig."""
        env = {
            **self._redis_variables(),
            "LETTA_API_URL": self.letta.announced["url"],
            "LETTA_MODEL": MODEL,
            **variables,
        }
        part = start(name, python_part("testbed.bridge"), log_dir=self._log_dir, env=env)
        self._bridges.append(part)
        return part

    def stop_bridges(self, *, keep: Part | None = None) -> None:
        """Stop all bridges but `keep`."""
        for part in self._bridges:
            if part is not keep:
                part.stop()
        self._bridges = [part for part in self._bridges if part is keep]

    def set_letta(self, **behaviour: Any) -> None:
        """Give the Letta stub this behaviour, and the defaults for the rest."""
        self._control.put(f"{self.letta.announced['control']}/behaviour", json=behaviour).raise_for_status()

    def take_letta_down(self, for_s: float) -> None:
        """Let the Letta stub refuse and reset connections for a while."""
        self._control.post(f"{self.letta.announced['control']}/down", json={"for_s": for_s}).raise_for_status()

    def set_memory(self, **behaviour: Any) -> None:
        """Give the memory-python stand-in this behaviour, and the defaults for the rest."""
        self._control.put(f"{self.memory.announced['control']}/behaviour", json=behaviour).raise_for_status()

    def letta_ledger(self) -> dict[str, Any]:
        """Return what the Letta stub saw since the last reset."""
        ledger: dict[str, Any] = self._control.get(f"{self.letta.announced['control']}/ledger").json()
        return ledger

    def letta_operations(self) -> dict[str, int]:
        """Return how many requests of each kind the Letta stub saw since the last reset."""
        operations: dict[str, int] = self.letta_ledger()["counters"]["requests_by_operation"]
        return operations

    def letta_calls(self, task_id: str) -> int:
        """Return how many messages the Letta stub got for a task."""
        return int(self.letta_ledger()["columns"]["request_id"].count(task_id))

    def stats(self, bridge: Part) -> dict[str, Any]:
        """Return the bridge's own numbers."""
        numbers: dict[str, Any] = self._control.get(f"{bridge.announced['control']}/stats").json()
        return numbers

    def health(self, bridge: Part) -> dict[str, Any]:
        """Return what the bridge says about its own health."""
        health: dict[str, Any] = self._control.get(f"{bridge.announced['control']}/healthz").json()
        return health

    def push(self, task_id: str, **changes: Any) -> None:
        """Push one request as a producer does; `changes` replace its fields."""
        message = {
            "task_id": task_id,
            "type": "text",
            "user_id": "anonymous",
            "content": "hello",
            "timestamp": time.time(),
            "meta": {"memory_type": "permanent", "trace_id": f"trace-{task_id}", "lang": "zh"},
            **changes,
        }
        self.account.pushed_at[task_id] = time.monotonic()
        self.client.lpush(names.REQUESTS, json.dumps(message))

    def push_many(self, task_ids: Iterable[str], **changes: Any) -> None:
        """Push a request for each task, every one of a user of its own."""
        for task_id in task_ids:
            self.push(task_id, user_id=f"user-{task_id}", **changes)

    def ask(self, task_id: str, *, within_s: float = 5.0, **changes: Any) -> dict[str, Any]:
        """Push one request and return its reply."""
        self.push(task_id, **changes)
        self.wait_for_replies(within_s=within_s)
        return self.account.body(task_id)

    def wait_for_replies(self, *, within_s: float, quiet_s: float = 0.0) -> None:
        """Listen until every task has a reply, and for `quiet_s` longer to hear surplus ones; raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while self.account.unanswered:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                missing = sorted(self.account.unanswered)
                raise TimeoutError(f"{len(missing)} tasks without a reply after {within_s:g} s: {missing[:5]}")
            self._hear(left_s)
        self.listen_for(quiet_s)

    def listen_for(self, seconds: float) -> None:
        """Listen for a while, whatever comes."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            self._hear(left_s)

    def listen_until(self, condition: Callable[[], object], *, within_s: float = 10.0) -> None:
        """Listen until the condition holds; raises TimeoutError when it does not within the time."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"still not so after {within_s:g} s")
            self.listen_for(_POLL_S)

    def _hear(self, timeout_s: float) -> None:
        message = self._listener.get_message(timeout=timeout_s)
        if message is not None:
            body = json.loads(message["data"])
            self.account.replies.setdefault(body["task_id"], []).append(Reply(time.monotonic(), body))

    def _start(self, name: str, module: str, env: dict[str, str]) -> Part:
        return self._stack.enter_context(start(name, python_part(module), log_dir=self._log_dir, env=env))

    def _redis_variables(self) -> dict[str, str]:
        return {"REDIS_HOST": self.redis.host, "REDIS_PORT": str(self.redis.port)}
