"""How do the parts of the bridge start together, work side by side, and stop without losing anything?"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from letta_otel.bridge import BridgeTelemetry
from letta_otel.conventions import attributes
from letta_otel.telemetry import start

from testbed.bridge import metrics, redis_link
from testbed.bridge.breaker import Breaker
from testbed.bridge.control import Control
from testbed.bridge.counters import Counters
from testbed.bridge.endings import end
from testbed.bridge.fallback import Fallback
from testbed.bridge.hand import Hand
from testbed.bridge.intake import Intake
from testbed.bridge.lease import Lease
from testbed.bridge.letta_client import LettaClient
from testbed.bridge.letta_dialogue import LettaDialogue
from testbed.bridge.redis_link import AWAY, RedisLink
from testbed.bridge.replies import Replies
from testbed.bridge.sessions import AgentPlan, Sessions
from testbed.bridge.settings import Settings
from testbed.bridge.stats import Stats
from testbed.bridge.worker import Worker
from testbed.process import announce

_OLDEST_REDIS = (6, 2)  # BLMOVE and LMOVE
SERVICE = "letta-bridge"
_LOOK_S = 5.0  # between two looks at the queues, which is as fresh as what a Prometheus asks for every 15 s need be
_DRAIN_MARGIN_S = 0.5  # every reply leaves within its limit; this is for the last ones to reach Redis

log = logging.getLogger("bridge")


class RedisTooOldError(Exception):
    """The Redis server lacks commands without which requests could be lost."""


@dataclass(frozen=True, slots=True)
class _Parts:
    link: RedisLink
    client: LettaClient
    sessions: Sessions
    lease: Lease
    fallback: Fallback
    intake: Intake
    counters: Counters
    telemetry: BridgeTelemetry
    stats: Stats


async def run(settings: Settings, *, control_port: int) -> None:
    """Run one bridge until SIGTERM or SIGINT.

    Raises NameTakenError, RedisTooOldError or PortTakenError when it cannot run as it is set up.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    instance = settings.instance_id or _own_name()
    telemetry = start(SERVICE, client_id=instance, make_readers=metrics.readers, stop_on_sigterm=False)
    parts = _assemble(settings, instance, telemetry.bridge)
    control = Control(parts.stats.collect, parts.stats.health, metrics.exposition)
    try:
        announce(part="bridge", control=await control.start(control_port), instance=parts.stats.instance)
        if await _first(_join(parts), stop):
            await _work(parts, settings, stop)
        await _take_leave(parts)
    finally:
        await control.stop()
        await parts.sessions.close()
        await parts.client.close()
        await parts.link.close()
        if not await asyncio.to_thread(telemetry.stop):
            log.warning("telemetry that was left could not be sent in time")


def _assemble(settings: Settings, instance: str, telemetry: BridgeTelemetry) -> _Parts:
    counters = Counters()
    link = redis_link.connect(settings.redis_host, settings.redis_port, settings.redis_password)
    client = LettaClient(
        settings.letta_api_url,
        settings.letta_api_key,
        connections=_connections(settings),
        counters=counters,
        telemetry=telemetry,
    )
    plan = AgentPlan(settings.model_handle, settings.embedding, settings.agent_tags, settings.letta_memory_backend)
    sessions = Sessions(
        link,
        client,
        plan,
        instance=instance,
        session_ttl_s=settings.session_ttl_s,
        creation_timeout_s=settings.agent_creation_timeout_s,
        max_creations=settings.max_creations,
    )
    letta_breaker = _breaker(settings, settings.breaker_failures)
    fallback_breaker = _breaker(settings, settings.fallback_breaker_failures)
    dialogue = LettaDialogue(
        client,
        sessions,
        letta_breaker,
        counters,
        attempts=settings.letta_attempts,
        call_timeout_s=settings.letta_timeout_s,
        retry_base_s=settings.retry_base_s,
        deadline_s=settings.deadline_s,
    )
    fallback = Fallback(link, fallback_breaker, counters, budget_s=settings.fallback_budget_s)
    hand = Hand(link, instance)
    replies = Replies(
        link,
        instance,
        counters,
        telemetry,
        done_ttl_s=settings.done_ttl_s,
        dead_letter_limit=settings.dead_letter_limit,
    )
    worker = Worker(settings, hand, replies, letta=dialogue, fallback=fallback, counters=counters, telemetry=telemetry)
    intake = Intake(hand, worker, counters, max_concurrency=settings.max_concurrency, check_s=settings.lease_s)
    lease = Lease(link, instance, settings.lease_s)
    stats = Stats(
        link,
        instance,
        settings,
        counters=counters,
        hand=hand,
        letta_breaker=letta_breaker,
        fallback_breaker=fallback_breaker,
    )
    return _Parts(link, client, sessions, lease, fallback, intake, counters, telemetry, stats)


def _breaker(settings: Settings, failures: int) -> Breaker:
    return Breaker(failures_to_open=failures, open_s=settings.breaker_open_s, clock=time.monotonic)


def _connections(settings: Settings) -> int:
    return settings.max_concurrency + settings.max_creations  # no call ever waits for a connection


def _own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


async def _join(parts: _Parts) -> None:
    """Become one of the bridges on this Redis, however long it takes Redis to be there."""
    await redis_link.until_redis_is_back(lambda: _check_version(parts.link))
    await parts.lease.claim()
    parts.counters.put_back += await redis_link.until_redis_is_back(parts.lease.inherit)
    parts.stats.has_joined = True
    log.info("joined", extra={attributes.MESSAGING_CLIENT_ID: parts.stats.instance})


async def _check_version(link: RedisLink) -> None:
    facts = await link.command("INFO", "server")
    version = str(facts["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_REDIS:
        raise RedisTooOldError(f"Redis {version} lacks BLMOVE; needed is 6.2 or newer")


async def _work(parts: _Parts, settings: Settings, stop: asyncio.Event) -> None:
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_every(parts.lease.renewal_s, parts.lease.renew, ended))
        group.create_task(_every(settings.lease_s / 2, lambda: _recover(parts), ended))
        group.create_task(parts.fallback.listen(ended))
        group.create_task(_every(_LOOK_S, lambda: _look(parts), ended))
        await parts.intake.run(stop)
        unfinished = await parts.intake.drain(settings.reply_limit_s + _DRAIN_MARGIN_S)
        ended.set()
    log.info("stopped taking", extra={attributes.LETTA_BRIDGE_ENTRIES: unfinished})


async def _look(parts: _Parts) -> None:
    parts.telemetry.saw(await parts.stats.seen())


async def _recover(parts: _Parts) -> None:
    try:
        parts.counters.put_back += await parts.lease.recover_the_dead()
        await parts.sessions.forget_idle()
    except AWAY as error:
        log.warning("redis is away", extra={attributes.ERROR_TYPE: type(error).__name__})


async def _take_leave(parts: _Parts) -> None:
    try:
        put_back = await parts.lease.resign()
    except AWAY as error:
        log.warning(
            "left without giving back; the next bridge will do it", extra={attributes.ERROR_TYPE: type(error).__name__}
        )
        return
    log.info("left", extra={attributes.LETTA_BRIDGE_ENTRIES: put_back})


async def _every(period_s: float, action: Callable[[], Awaitable[None]], ended: asyncio.Event) -> None:
    while not ended.is_set():
        await action()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(period_s):
                await ended.wait()


async def _first(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Return True when the work was done before the stop; the work is given up otherwise."""
    doing, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not doing.done():
        await end([doing])
        return False
    await doing
    return not stop.is_set()
