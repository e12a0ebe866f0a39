"""Where load may go, and what of an address may be shown."""

from __future__ import annotations

import pytest

from loadgen.agents import AgentPool
from loadgen.guard import GuardError, check, check_no_credentials, redact


@pytest.mark.parametrize("url", ["http://127.0.0.1:8283", "http://localhost:1", "http://[::1]:80", "redis://127.9.9.9"])
def test_this_machine_may_be_driven_at_any_rate(url: str) -> None:
    check(url, 100_000, owned=False)


def test_another_host_may_be_driven_gently() -> None:
    check("http://10.0.0.5:8283", 50, owned=False)


@pytest.mark.parametrize("url", ["http://10.0.0.5:8283", "http://letta.example", "http://127.0.0.1.example"])
def test_more_than_fifty_a_second_elsewhere_needs_the_word_of_the_owner(url: str) -> None:
    with pytest.raises(GuardError, match="--i-own-this-target"):
        check(url, 50.1, owned=False)
    check(url, 50.1, owned=True)


def test_a_password_in_an_option_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(GuardError, match="LETTA_SLO_REDIS_URL"):
        check_no_credentials("redis://:hunter2@10.0.0.7:6379/0", "--redis-url", "LETTA_SLO_REDIS_URL")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@10.0.0.7:6379/0", "redis://10.0.0.7:6379/0"),
        ("https://user:hunter2@letta.example/base?token=hunter2#x", "https://letta.example/base"),
        ("http://[::1]:8283", "http://[::1]:8283"),
    ],
)
def test_addresses_are_shown_without_credentials(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_an_agent_is_lent_to_one_session_at_a_time() -> None:
    pool = AgentPool(["a", "b"])
    first, second = pool.borrow(), pool.borrow()
    assert first is not None and second is not None and first.id != second.id
    assert pool.borrow() is None
    pool.give_back(first)
    assert pool.borrow() == first


def test_workers_never_share_an_agent() -> None:
    ids = [f"agent-{n}" for n in range(7)]
    lent = []
    for worker in range(3):
        pool = AgentPool(ids, worker, 3)
        while (agent := pool.borrow()) is not None:
            lent.append(agent.id)
    assert sorted(lent) == ids


def test_requests_that_are_no_messages_go_round_all_agents() -> None:
    pool = AgentPool(["a", "b", "c"])
    assert {agent.id for agent in (pool.any() for _ in range(3)) if agent} == {"a", "b", "c"}
    assert AgentPool([]).any() is None
