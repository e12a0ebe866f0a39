"""A bridge meets its users: each gets an agent with one message, and a bridge that is not there is said to be away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadgen.introduce import introduce
from loadgen.target import TargetError
from testbed.bridge import names
from testbed.embedded_redis import EmbeddedRedis
from tests.bridge_rig import BridgeRig

USERS = [f"user-{number}" for number in range(70)]  # three times what is sent at a time, and a rest


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeRig]:
    with BridgeRig(tmp_path_factory.mktemp("introduce")) as rig:
        yield rig


def test_every_user_has_an_agent_afterwards_and_sent_one_message(rig: BridgeRig) -> None:
    bridge = rig.reset_to_one_bridge()
    rig.client.publish(names.RESPONSES, "not JSON")
    told: list[tuple[int, int]] = []
    introduce(
        f"redis://{rig.redis.host}:{rig.redis.port}/0", USERS, report=lambda done, every: told.append((done, every))
    )
    assert rig.client.hlen(names.USER_AGENTS) == len(USERS)
    assert rig.stats(bridge)["taken"] == len(USERS)
    assert told == [(32, 70), (64, 70), (70, 70)]


def test_without_a_bridge_it_is_said_how_many_were_not_answered_and_where(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as redis, pytest.raises(TargetError, match=r"first message of 2 users.*127\.0\.0\.1"):
        introduce(f"redis://{redis.host}:{redis.port}/0", USERS[:2], patience_s=0.3)


def test_without_a_redis_the_address_is_named_without_its_password() -> None:
    with pytest.raises(TargetError) as refused:
        introduce("redis://me:hunter2@127.0.0.1:1/0", USERS)
    assert "127.0.0.1:1" in str(refused.value)
    assert "hunter2" not in str(refused.value)
