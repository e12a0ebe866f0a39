"""Plain Locust without a plan: what live users stand for."""

from __future__ import annotations

from argparse import Namespace

import pytest

from loadgen import live
from loadgen.plan import REDIS_VARIABLE

USERS = {"message": 60, "health": 40}


def options(host: str, *, owned: bool = False) -> Namespace:
    return Namespace(host=host, i_own_this_target=owned)


def test_a_rate_raised_on_a_foreign_host_is_held_at_fifty_a_second_in_the_same_mix() -> None:
    assert live.allowed(USERS, options("http://10.0.0.5:8283"), 1) == {"message": 30.0, "health": 20.0}
    assert live.allowed(USERS, options("http://10.0.0.5:8283"), 2) == {"message": 15.0, "health": 10.0}


def test_this_machine_and_a_host_of_ones_own_may_be_driven_at_any_rate() -> None:
    assert live.allowed(USERS, options("http://127.0.0.1:8283"), 1) == USERS
    assert live.allowed(USERS, options("http://10.0.0.5:8283", owned=True), 1) == USERS


def test_a_foreign_redis_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REDIS_VARIABLE, "redis://10.0.0.7:6379")
    assert sum(live.allowed(USERS, options("http://127.0.0.1:8283"), 1).values()) == 50
