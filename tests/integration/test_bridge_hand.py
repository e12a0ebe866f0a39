from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis

from testbed.bridge import names, redis_link
from testbed.bridge.counters import Counters
from testbed.bridge.hand import Hand
from testbed.bridge.lease import Lease
from testbed.bridge.redis_link import RedisLink, Script
from testbed.bridge.replies import Replies
from testbed.embedded_redis import EmbeddedRedis
from tests.bridge_counters import silent, unseen


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as running:
        yield running


def _with_redis(server: EmbeddedRedis, scenario: Callable[[RedisLink], Awaitable[None]]) -> None:
    async def run() -> None:
        link = redis_link.connect(server.host, server.port)
        try:
            await link.command("FLUSHALL")
            await scenario(link)
        finally:
            await link.close()

    asyncio.run(run())


async def _list(link: RedisLink, key: str) -> list[bytes]:
    entries: list[bytes] = await link.command("LRANGE", key, 0, -1)
    return entries


async def _push(link: RedisLink, *entries: str) -> None:
    await link.command("LPUSH", names.REQUESTS, *entries)


def _replies(link: RedisLink, counters: Counters) -> Replies:
    return Replies(link, "me", counters, silent(), done_ttl_s=60, dead_letter_limit=2)


def test_an_entry_that_redis_moved_and_that_never_arrived_goes_back_without_counting_as_a_death(
    server: EmbeddedRedis,
) -> None:
    async def scenario(link: RedisLink) -> None:
        hand = Hand(link, "me")
        await _push(link, "seen", "lost", "seen")
        assert await hand.take() == b"seen"
        for _ in range(2):  # what a take does whose answer is lost with its connection
            await link.command("LMOVE", names.REQUESTS, names.processing("me"), "RIGHT", "LEFT")
        assert await hand.put_back_unseen() == 2
        assert await _list(link, names.processing("me")) == [b"seen"]
        assert sorted(await _list(link, names.REQUESTS)) == [b"lost", b"seen"]
        history = await hand.history(b"lost", "task")
        assert (history.was_put_back, history.deaths) == (True, 0)
        assert await hand.put_back_unseen() == 0

    _with_redis(server, scenario)


def test_more_entries_come_at_once_in_their_order_and_only_as_many_as_asked_for(server: EmbeddedRedis) -> None:
    async def scenario(link: RedisLink) -> None:
        hand = Hand(link, "me")
        await _push(link, "first", "second", "third", "fourth")
        assert await hand.take() == b"first"
        assert await hand.take_more(2) == [b"second", b"third"]
        assert hand.size == 3
        assert await _list(link, names.processing("me")) == [b"third", b"second", b"first"]
        assert await hand.take_more(2) == [b"fourth"]
        assert await hand.take_more(2) == []
        assert await hand.put_back_unseen() == 0

    _with_redis(server, scenario)


def test_commands_that_are_asked_for_at_once_each_get_their_own_answer(
    server: EmbeddedRedis,
) -> None:
    async def scenario(link: RedisLink) -> None:
        await link.command("SET", "text", "tea")
        asked = [link.command("APPEND", "letters", letter) for letter in "abc"]
        wrong = link.command("LPUSH", "text", "x")
        abandoned = asyncio.create_task(link.command("GET", "text"))
        gathered = asyncio.gather(*asked, wrong, link.command("GET", "letters"), return_exceptions=True)
        await asyncio.sleep(0)  # all of them are asked for now
        abandoned.cancel()
        *lengths, refused, letters = await gathered
        assert lengths == [1, 2, 3]
        assert isinstance(refused, redis.ResponseError)
        assert letters == b"abc"
        assert abandoned.cancelled()

    _with_redis(server, scenario)


def test_a_script_is_known_to_a_redis_that_forgot_it(server: EmbeddedRedis) -> None:
    async def scenario(link: RedisLink) -> None:
        script = Script(link, "return tonumber(ARGV[1]) + 1")
        assert await script.run([], [1]) == 2
        await link.command("SCRIPT", "FLUSH")
        assert await script.run([], [2]) == 3

    _with_redis(server, scenario)


def test_every_command_under_way_is_told_that_redis_went_away() -> None:
    async def scenario(own: EmbeddedRedis) -> None:
        link = redis_link.connect(own.host, own.port)
        await link.command("PING")
        own.kill()
        told = await asyncio.gather(*(link.command("PING") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(one, redis_link.AWAY) for one in told)
        with pytest.raises(redis_link.AWAY):
            await link.command("PING")
        await link.close()

    with EmbeddedRedis() as own:
        asyncio.run(scenario(own))


def test_a_hundred_commands_at_once_take_one_connection(server: EmbeddedRedis) -> None:
    async def scenario(link: RedisLink) -> None:
        before = (await link.command("INFO", "clients"))["connected_clients"]
        assert await asyncio.gather(*(link.command("ECHO", str(n)) for n in range(100))) == [
            str(n).encode() for n in range(100)
        ]
        assert (await link.command("INFO", "clients"))["connected_clients"] == before

    _with_redis(server, scenario)


def test_a_bridge_that_leaves_puts_its_entries_back_in_their_order(server: EmbeddedRedis) -> None:
    async def scenario(link: RedisLink) -> None:
        hand, lease = Hand(link, "me"), Lease(link, "me", 5)
        await lease.claim()
        await _push(link, "first", "second", "third", "fourth")
        taken = [await hand.take() for _ in range(3)]
        assert taken == [b"first", b"second", b"third"]
        assert await lease.resign() == 3
        assert [await hand.take() for _ in range(4)] == [b"first", b"second", b"third", b"fourth"]
        assert (await hand.history(b"first", "task")).deaths == 0

    _with_redis(server, scenario)


def test_the_entries_of_a_live_bridge_are_left_alone_and_those_of_a_dead_one_count_a_death(
    server: EmbeddedRedis,
) -> None:
    async def scenario(link: RedisLink) -> None:
        other, lease = Hand(link, "other"), Lease(link, "other", 5)
        await lease.claim()
        await _push(link, "entry")
        await other.take()
        survivor = Lease(link, "me", 5)
        await survivor.claim()
        assert await survivor.recover_the_dead() == 0
        await link.command("DEL", names.lease("other"))
        assert await survivor.recover_the_dead() == 1
        history = await Hand(link, "me").history(b"entry", "task")
        assert (history.was_put_back, history.deaths) == (True, 1)

    _with_redis(server, scenario)


def test_a_reply_and_the_end_of_its_request_are_one_step(server: EmbeddedRedis) -> None:
    async def scenario(link: RedisLink) -> None:
        counters = Counters()
        replies, hand = _replies(link, counters), Hand(link, "me")
        await _push(link, "entry")
        await hand.take()
        assert await replies.publish(b"entry", "task", b"{}", unseen())
        assert await _list(link, names.processing("me")) == []
        assert (await hand.history(b"entry", "task")).is_answered
        assert not await replies.publish(b"entry", "task", b"{}", unseen())
        assert counters.duplicates_suppressed == 1
        assert counters.unheard == 1  # nobody listens here

    _with_redis(server, scenario)


def test_the_list_of_dead_letters_keeps_the_newest_up_to_its_limit(server: EmbeddedRedis) -> None:
    async def scenario(link: RedisLink) -> None:
        counters = Counters()
        replies, hand = _replies(link, counters), Hand(link, "me")
        await _push(link, "one", "two", "three")
        for _ in range(3):
            raw = await hand.take()
            assert raw is not None
            await replies.put_aside(raw, "poison")
        letters = await _list(link, names.DEAD_LETTERS)
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
