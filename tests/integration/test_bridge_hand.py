from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from testbed.bridge import names, redis_link
from testbed.bridge.counters import Counters
from testbed.bridge.hand import Hand
from testbed.bridge.lease import Lease
from testbed.bridge.replies import Replies
from testbed.embedded_redis import EmbeddedRedis


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as running:
        yield running


def _with_redis(server: EmbeddedRedis, scenario: Callable[[Redis], Awaitable[None]]) -> None:
    async def run() -> None:
        redis = redis_link.connect(server.host, server.port)
        try:
            await redis_link.command(redis, "FLUSHALL")
            await scenario(redis)
        finally:
            await redis.aclose()

    asyncio.run(run())


async def _list(redis: Redis, key: str) -> list[bytes]:
    entries: list[bytes] = await redis_link.command(redis, "LRANGE", key, 0, -1)
    return entries


async def _push(redis: Redis, *entries: str) -> None:
    await redis_link.command(redis, "LPUSH", names.REQUESTS, *entries)


def _replies(redis: Redis, counters: Counters) -> Replies:
    return Replies(redis, "me", counters, done_ttl_s=60, dead_letter_limit=2)


def test_an_entry_that_redis_moved_and_that_never_arrived_goes_back_without_counting_as_a_death(
    server: EmbeddedRedis,
) -> None:
    async def scenario(redis: Redis) -> None:
        hand = Hand(redis, "me")
        await _push(redis, "seen", "lost", "seen")
        assert await hand.take() == b"seen"
        for _ in range(2):  # what a take does whose answer is lost with its connection
            await redis_link.command(redis, "LMOVE", names.REQUESTS, names.processing("me"), "RIGHT", "LEFT")
        assert await hand.put_back_unseen() == 2
        assert await _list(redis, names.processing("me")) == [b"seen"]
        assert sorted(await _list(redis, names.REQUESTS)) == [b"lost", b"seen"]
        history = await hand.history(b"lost", "task")
        assert (history.was_put_back, history.deaths) == (True, 0)
        assert await hand.put_back_unseen() == 0

    _with_redis(server, scenario)


def test_a_bridge_that_leaves_puts_its_entries_back_in_their_order(server: EmbeddedRedis) -> None:
    async def scenario(redis: Redis) -> None:
        hand, lease = Hand(redis, "me"), Lease(redis, "me", 5)
        await lease.claim()
        await _push(redis, "first", "second", "third", "fourth")
        taken = [await hand.take() for _ in range(3)]
        assert taken == [b"first", b"second", b"third"]
        assert await lease.resign() == 3
        assert [await hand.take() for _ in range(4)] == [b"first", b"second", b"third", b"fourth"]
        assert (await hand.history(b"first", "task")).deaths == 0

    _with_redis(server, scenario)


def test_the_entries_of_a_live_bridge_are_left_alone_and_those_of_a_dead_one_count_a_death(
    server: EmbeddedRedis,
) -> None:
    async def scenario(redis: Redis) -> None:
        other, lease = Hand(redis, "other"), Lease(redis, "other", 5)
        await lease.claim()
        await _push(redis, "entry")
        await other.take()
        survivor = Lease(redis, "me", 5)
        await survivor.claim()
        assert await survivor.recover_the_dead() == 0
        await redis_link.command(redis, "DEL", names.lease("other"))
        assert await survivor.recover_the_dead() == 1
        history = await Hand(redis, "me").history(b"entry", "task")
        assert (history.was_put_back, history.deaths) == (True, 1)

    _with_redis(server, scenario)


def test_a_reply_and_the_end_of_its_request_are_one_step(server: EmbeddedRedis) -> None:
    async def scenario(redis: Redis) -> None:
        counters = Counters()
        replies, hand = _replies(redis, counters), Hand(redis, "me")
        await _push(redis, "entry")
        await hand.take()
        assert await replies.publish(b"entry", "task", b"{}")
        assert await _list(redis, names.processing("me")) == []
        assert (await hand.history(b"entry", "task")).is_answered
        assert not await replies.publish(b"entry", "task", b"{}")
        assert counters.duplicates_suppressed == 1
        assert counters.unheard == 1  # nobody listens here

    _with_redis(server, scenario)


def test_the_list_of_dead_letters_keeps_the_newest_up_to_its_limit(server: EmbeddedRedis) -> None:
    async def scenario(redis: Redis) -> None:
        counters = Counters()
        replies, hand = _replies(redis, counters), Hand(redis, "me")
        await _push(redis, "one", "two", "three")
        for _ in range(3):
            raw = await hand.take()
            assert raw is not None
            await replies.put_aside(raw, "poison")
        letters = await _list(redis, names.DEAD_LETTERS)
        assert [b'"three"' in letters[0], b'"two"' in letters[1], len(letters)] == [True, True, 2]
        assert counters.dead_lettered == 3

    _with_redis(server, scenario)


@pytest.mark.parametrize("answers", [1, 3])
def test_an_operation_is_repeated_until_redis_is_back(answers: int) -> None:
    tries: list[Any] = []

    async def operation() -> str:
        tries.append(None)
        if len(tries) < answers:
            raise redis_link.AWAY[0]("gone")
        return "done"

    assert asyncio.run(redis_link.until_redis_is_back(operation)) == "done"
    assert len(tries) == answers
