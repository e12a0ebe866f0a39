"""Where load may go, and what of an address may be shown."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.agents import AgentPool
from loadgen.guard import LETTA_SCHEMES, REDIS_SCHEMES, GuardError, check, check_no_credentials, checked, held, redact


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


@pytest.mark.parametrize("workers", [1, 2])
def test_a_rate_raised_on_a_foreign_host_is_held_at_fifty_a_second_in_the_same_mix(workers: int) -> None:
    asked, urls = {"message": 60, "health": 40}, ["http://127.0.0.1:8283", "redis://10.0.0.7:6379"]
    kept = held(asked, urls, owned=False, workers=workers)
    assert kept == {"message": 30.0 / workers, "health": 20.0 / workers}
    assert held(asked, urls, owned=True, workers=workers) == asked
    assert held(asked, urls[:1], owned=False, workers=workers) == asked


def test_a_password_in_an_option_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(GuardError, match="LETTA_SLO_REDIS_URL"):
        check_no_credentials("redis://:hunter2@10.0.0.7:6379/0", "--redis-url", "LETTA_SLO_REDIS_URL")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@10.0.0.7:6379/0", "redis://10.0.0.7:6379/0"),
        ("https://user:hunter2@letta.example/base?token=hunter2#x", "https://letta.example/base"),
        ("http://[::1]:8283", "http://[::1]:8283"),
        ("redis://:hun/ter2@10.0.0.7:6379", "[unreadable address]"),
        ("redis://user:123#hunter2@10.0.0.7", "[unreadable address]"),
        ("user:hunter2@10.0.0.7", "[unreadable address]"),
        ("http://[::1", "[unreadable address]"),
        ("", "[unreadable address]"),
    ],
)
def test_addresses_are_shown_without_credentials(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(st.text() | st.text(":/@#?[]%.1a").map("http://".__add__))
def test_showing_an_address_never_raises(url: str) -> None:
    redact(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2#1@10.0.0.7:6379/0",
        "redis://:hunter2/1@10.0.0.7:6379/0",
        "redis://:hunter2?1@10.0.0.7:6379/0",
        "redis://user:123#hunter2@10.0.0.7",
        "redis://user:123/hunter2@10.0.0.7",
        "redis://:[hunter2@10.0.0.7",
        "redis://:hunter2@10.0.0.7:99999",
        "redis://:hunter2 @10.0.0.7",
        "redis://:hunter2@",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(GuardError, match="LETTA_SLO_REDIS_URL cannot be read; percent-encode") as refused:
        checked(url, "LETTA_SLO_REDIS_URL", REDIS_SCHEMES)
    # The chain of causes is part of a traceback, and so are the lines of code, which name no value here.
    chain = "".join(traceback.TracebackException.from_exception(refused.value, limit=0).format())
    assert "hunter2" not in chain and refused.value.__context__ is None


def test_an_address_with_an_encoded_password_is_read() -> None:
    parts = checked("rediss://app:p%23%2F%40@10.0.0.7:6380/1", "LETTA_SLO_REDIS_URL", REDIS_SCHEMES)
    assert (parts.hostname, parts.port) == ("10.0.0.7", 6380)


@pytest.mark.parametrize(
    ("url", "schemes", "meant"),
    [
        ("127.0.0.1:8283", LETTA_SCHEMES, "did you mean http://127.0.0.1:8283"),
        ("localhost:6379", REDIS_SCHEMES, "did you mean redis://localhost:6379"),
        ("redis://127.0.0.1:6379", LETTA_SCHEMES, "must begin with http:// or https://"),
        ("http://127.0.0.1:6379", REDIS_SCHEMES, "must begin with redis:// or rediss://"),
    ],
)
def test_an_address_of_another_kind_is_refused_with_the_right_one(
    url: str, schemes: tuple[str, ...], meant: str
) -> None:
    with pytest.raises(GuardError, match=meant):
        checked(url, "--an-option", schemes)


def test_what_stands_where_an_address_should_is_not_repeated_when_it_may_be_a_secret() -> None:
    with pytest.raises(GuardError) as refused:
        checked("user:hunter2@10.0.0.7", "--letta-url", LETTA_SCHEMES)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://k@host", "http://u:hunter2@host", "http://:@host", "http://host/?token=hunter2"]
)
def test_the_address_of_a_letta_holds_neither_user_nor_query(url: str) -> None:
    with pytest.raises(GuardError, match="LETTA_API_KEY") as refused:
        check_no_credentials(url, "--letta-url", "LETTA_API_KEY")
    assert "hunter2" not in str(refused.value)


def test_a_password_in_the_query_of_a_redis_is_refused_too() -> None:
    with pytest.raises(GuardError, match="LETTA_SLO_REDIS_URL"):
        check_no_credentials("redis://10.0.0.7?password=hunter2", "--redis-url", "LETTA_SLO_REDIS_URL")
    check_no_credentials("redis://app@10.0.0.7/0", "--redis-url", "LETTA_SLO_REDIS_URL")


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
