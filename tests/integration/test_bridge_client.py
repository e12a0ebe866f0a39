"""The load client of the bridge on a real Redis: its own replies only, and nothing lost unsaid when Redis fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gevent
import orjson
import pytest
import redis

from loadgen.bridge_client import BridgeClient
from loadgen.bridge_protocol import REPLY_CHANNEL, REQUEST_LIST
from loadgen.guard import GuardError
from loadgen.ledger import TaskIds
from loadgen.samples import Outcome
from testbed.embedded_redis import EmbeddedRedis

pytestmark = pytest.mark.real
IDS = TaskIds("a-run", 0)


@pytest.fixture
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as running:
        yield running


@pytest.fixture
def admin(server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as client:
        yield client


def answer(url: str, count: int, *extra: dict[str, Any]) -> threading.Thread:
    """Answer `count` requests from a thread, and publish what else is given; a test double of a bridge."""

    def serve() -> None:
        with redis.Redis.from_url(url) as client:
            for _ in range(count):
                _, raw = client.brpop([REQUEST_LIST], timeout=20)
                reply = {"task_id": orjson.loads(raw)["task_id"], "source": "letta", "response_text": "yes"}
                client.publish(REPLY_CHANNEL, orjson.dumps(reply))
            for more in extra:
                client.publish(REPLY_CHANNEL, orjson.dumps(more))

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def message(number: int, size: int = 10) -> dict[str, Any]:
    return {"task_id": IDS.make(number, 0), "content": "x" * size}


def until(condition: Any) -> None:
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.01)


def test_many_requests_at_once_each_get_their_own_reply(server: EmbeddedRedis) -> None:
    with closing(BridgeClient(server.url, IDS, reply_timeout_s=20)) as client:
        thread = answer(server.url, 300)
        waiting = [gevent.spawn(client.exchange, message(number)) for number in range(300)]
        gevent.joinall(waiting, timeout=20)
        thread.join()
        replies = [one.get() for one in waiting]
    assert {reply.outcome for reply in replies} == {Outcome.OK}
    assert [reply.body["task_id"] for reply in replies] == [IDS.make(number, 0) for number in range(300)]
    assert client.ledger.summary()["answered"] == 300 and client.ledger.lost == 0


def test_a_large_message_goes_whole(server: EmbeddedRedis) -> None:
    with closing(BridgeClient(server.url, IDS, reply_timeout_s=20)) as client:
        thread = answer(server.url, 1)
        assert client.exchange(message(1, size=5_000_000)).outcome == Outcome.OK
        thread.join()


def test_a_push_that_redis_refuses_was_never_sent(server: EmbeddedRedis, admin: redis.Redis) -> None:
    admin.set(REQUEST_LIST, "no list")
    with closing(BridgeClient(server.url, IDS, reply_timeout_s=20)) as client:
        reply = client.exchange(message(1))
    assert reply.outcome == Outcome.CONNECTION and reply.detail["refused"] is True
    assert "WRONGTYPE" in reply.detail["error"]
    assert client.ledger.summary()["sent"] == 0


def test_connections_that_break_are_made_again_and_the_gap_is_said(server: EmbeddedRedis, admin: redis.Redis) -> None:
    with closing(BridgeClient(server.url, IDS, reply_timeout_s=20)) as client:
        waiting = gevent.spawn(client.exchange, message(1))
        until(lambda: admin.llen(REQUEST_LIST) == 1)
        for kind in ("normal", "pubsub"):
            admin.client_kill_filter(_type=kind, skipme=True)
        until(lambda: client.listener_gaps == 1 and admin.pubsub_numsub(REPLY_CHANNEL)[0][1] == 1)
        thread = answer(server.url, 2)
        assert client.exchange(message(2)).outcome == Outcome.OK
        gevent.joinall([waiting], timeout=20)
        thread.join()
    assert waiting.get().outcome == Outcome.OK  # it had been pushed before, and only the reply counts


def test_no_reply_in_time_is_a_timeout_and_one_that_comes_later_is_late(
    server: EmbeddedRedis, admin: redis.Redis
) -> None:
    with closing(BridgeClient(server.url, IDS, reply_timeout_s=0.3)) as client:
        assert client.exchange(message(1)).outcome == Outcome.TIMEOUT
        assert client.ledger.lost == 1
        for published in ({"task_id": IDS.make(1, 0)}, {"task_id": IDS.make(1, 0)}, {"task_id": IDS.make(2, 0)}):
            admin.publish(REPLY_CHANNEL, orjson.dumps(published))
        until(lambda: client.ledger.unknown == 1)
    found = client.ledger.summary()
    assert (found["late"], found["lost"], found["duplicates"], found["unknown"]) == (1, 0, 1, 1)


def test_a_password_and_a_database_of_the_address_are_used(server: EmbeddedRedis, admin: redis.Redis) -> None:
    admin.config_set("requirepass", "only-for-this-test")
    address = server.url.replace("redis://", "redis://:only-for-this-test@").replace("/0", "/3")
    with closing(BridgeClient(address, IDS, reply_timeout_s=20)) as client:
        thread = answer(address, 1)
        assert client.exchange(message(1)).outcome == Outcome.OK
        thread.join()
    with pytest.raises(redis.RedisError, match=r"NOAUTH|Authentication"):
        BridgeClient(server.url.replace("/0", "/3"), IDS, reply_timeout_s=1)


def test_a_setting_of_the_address_that_is_not_known_is_refused(server: EmbeddedRedis) -> None:
    with pytest.raises(GuardError, match="socket_timeout"):
        BridgeClient(f"{server.url}?socket_timeout=3", IDS, reply_timeout_s=1)


def test_nobody_at_the_address_is_an_error_of_the_connection(server: EmbeddedRedis) -> None:
    server.stop()
    with pytest.raises(OSError):
        BridgeClient(server.url, IDS, reply_timeout_s=1)
