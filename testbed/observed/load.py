"""What keeps a Letta and a bridge busy while they are looked at? `python -m testbed.observed.load --letta URL ...`

A few requests a second in a fixed order, each begun when it is due whatever became of the others. It measures nothing:
for that there is `loadgen`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import uvloop
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from testbed.process import announce

_REQUESTS, _REPLIES = "letta_requests", "letta_responses"
_TEXT: Final = "Where did I leave my umbrella?"
_TIMEOUT_S: Final = 10.0
_PAUSE_S: Final = 0.5
_USERS: Final = 4

log = logging.getLogger("load")
Step = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Models:
    """The handles that agents are made with."""

    chat: str
    embedding: str


class ToLetta:
    """Requests straight to a Letta, to one agent each in turn."""

    def __init__(self, client: httpx.AsyncClient, models: Models) -> None:
        self._client = client
        self._models = models
        self._agents: list[str] = []

    async def make_agents(self, count: int) -> None:
        """Make the agents; raises httpx.HTTPError."""
        for number in range(count):
            wanted = {"name": f"observed-{number}", "model": self._models.chat, "embedding": self._models.embedding}
            blocks = [{"label": "human", "value": "Forgets umbrellas."}]
            made = await self._client.post("/v1/agents/", json={**wanted, "memory_blocks": blocks})
            self._agents.append(str(made.raise_for_status().json()["id"]))

    @property
    def steps(self) -> Sequence[Step]:
        """One round of requests, messages and streams among reads and memories."""
        said = {"input": _TEXT}
        return (
            lambda number: self._ask(number, "POST", "/messages", json=said),
            lambda number: self._ask(number, "GET", ""),
            lambda number: self._ask(number, "POST", "/messages/stream", json={**said, "stream_tokens": True}),
            lambda number: self._ask(number, "GET", "/core-memory/blocks"),
            lambda number: self._ask(number, "POST", "/archival-memory", json={"text": f"umbrella {number}"}),
            lambda number: self._ask(number, "GET", "/archival-memory/search", params={"query": "umbrella"}),
        )

    async def _ask(self, number: int, method: str, path: str, **given: Any) -> None:
        agent = self._agents[number % len(self._agents)]
        with contextlib.suppress(httpx.HTTPError):  # it is to fail now and then
            await self._client.request(method, f"/v1/agents/{agent}{path}", **given)


class ToBridge:
    """Requests through a bridge, of a few users; one in four is for memory-python by its own wish."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @property
    def steps(self) -> Sequence[Step]:
        """One request."""
        return (self._push,)

    async def _push(self, number: int) -> None:
        wanted = "temporary" if number % 4 == 3 else "permanent"
        message = {
            "task_id": f"observed-{time.time_ns()}",
            "type": "text",
            "user_id": f"user-{number % _USERS}",
            "content": _TEXT,
            "timestamp": time.time(),
            "meta": {"memory_type": wanted, "lang": "en"},
        }
        with contextlib.suppress(RedisError):
            await self._redis.lpush(_REQUESTS, json.dumps(message))

    async def listen(self) -> None:
        """Hear the replies, so that none is published to nobody; for ever."""
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(_REPLIES)
                    async for _ in channel.listen():
                        pass
            except RedisError:
                await asyncio.sleep(_PAUSE_S)


async def drive(steps: Sequence[Step], requests_a_s: float, stop: asyncio.Event) -> None:
    """Begin a step whenever one is due, until `stop`; each may take its time."""
    running: set[asyncio.Task[None]] = set()
    began = time.monotonic()
    for number in itertools.count():
        left_s = began + number / requests_a_s - time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(left_s, 0.001))
        if stop.is_set():
            break
        task = asyncio.ensure_future(steps[number % len(steps)](number))
        running.add(task)
        task.add_done_callback(running.discard)
    for task in running:
        task.cancel()


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        driving = []
        if options.letta:
            client = httpx.AsyncClient(base_url=options.letta, timeout=_TIMEOUT_S, trust_env=False)
            letta = ToLetta(await stack.enter_async_context(client), Models(options.model, options.embedding))
            await letta.make_agents(options.agents)
            driving.append(drive(letta.steps, options.requests_a_s, stop))
        if options.redis_port:
            redis = Redis(host="127.0.0.1", port=options.redis_port, retry=Retry(NoBackoff(), 0))
            bridge = ToBridge(await stack.enter_async_context(redis))
            listening = asyncio.ensure_future(bridge.listen())
            stack.callback(listening.cancel)
            driving.append(drive(bridge.steps, options.requests_a_s, stop))
        announce(part="load")
        await asyncio.gather(*driving)


def main(argv: list[str] | None = None) -> None:
    """Drive until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m testbed.observed.load", description=__doc__)
    parser.add_argument("--letta", metavar="URL", default="", help="a Letta to ask")
    parser.add_argument("--redis-port", type=int, default=0, help="port of a bridge's Redis on 127.0.0.1")
    parser.add_argument("--requests-a-s", type=float, default=4.0, help="requests a second to each")
    parser.add_argument("--agents", type=int, default=2, help="agents to make at the Letta")
    parser.add_argument("--model", default="openai-proxy/gpt-4o-mini")
    parser.add_argument("--embedding", default="openai/text-embedding-3-small")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    uvloop.run(_run(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
