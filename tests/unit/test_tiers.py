"""Tiers are read strictly, say what their documents say, and have an agent and a user for every session."""

from __future__ import annotations

import heapq
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import loadgen.tiers
from letta_slo.needs import NOBODY_FREE_AT_MOST, longest_message_s, warn_of_busy_pools
from loadgen import tiers
from loadgen.plan import Sessions
from loadgen.tiers import Tier, TierError, occupancy
from slo.catalog import load

# Rounding of the number in the file, and no more: 53 for 53.3.
TOLERANCE = 0.01
SMALL = Path(loadgen.tiers.__file__).with_name("small.yaml").read_text()


def rates(tier: Tier) -> dict[str, float]:
    return {**tier.letta_rates(tier.rate), **tier.bridge_rates(tier.rate)}


def warnings(tier: Tier) -> list[str]:
    said: list[str] = []
    warn_of_busy_pools(tier, rates(tier), load(), said.append)
    return said


@pytest.mark.parametrize(
    ("name", "rate", "agents"), [("small", 50, 100), ("medium", 500, 1000), ("large", 2000, 10_000)]
)
def test_rate_agents_and_tokens_of_a_tier_are_those_of_the_source_documents(name: str, rate: int, agents: int) -> None:
    tier = tiers.load(name)
    assert (tier.rate, tier.agents) == (rate, agents)
    assert (tier.tokens_in, tier.tokens_out) == (3600, 300)


@pytest.mark.parametrize(("name", "sessions"), [("medium", 500), ("large", 2000)])
def test_concurrent_sessions_are_those_of_the_source_documents(name: str, sessions: int) -> None:
    assert tiers.load(name).concurrent_sessions == sessions


@pytest.mark.parametrize("name", tiers.names())
def test_concurrent_sessions_follow_from_rate_mix_turns_and_think_time(name: str) -> None:
    tier = tiers.load(name)
    message_s = longest_message_s(load(), occupancy.TO_LETTA)
    assert message_s is not None
    expected = occupancy.in_progress(rates(tier), occupancy.TO_LETTA, tier.sessions, message_s)
    assert tier.concurrent_sessions == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("name", tiers.names())
def test_a_shipped_tier_has_an_agent_and_a_user_free_for_every_session(name: str) -> None:
    assert warnings(tiers.load(name)) == []


def test_a_tier_with_too_few_agents_or_users_is_flagged() -> None:
    small = tiers.load("small")
    (said,) = warnings(replace(small, agents=60))
    assert "has 60 agents, and 53 sessions would be in progress at a time if messages took 2 s" in said
    (said,) = warnings(replace(small, users=170))
    assert "has 170 users, and 167 sessions" in said
    assert len(warnings(replace(small, rate=500.0))) == 2


def test_sessions_in_progress_and_arrivals_that_find_nobody_are_those_of_a_simulated_pool() -> None:
    sessions, message_s, pool = Sessions(turns=3, think_time_s=1.0), 2.0, 10
    busy = occupancy.in_progress({"message": 3.0}, occupancy.TO_LETTA, sessions, message_s)
    assert busy == 8.0  # one session a second, of 3 x 2 s + 2 x 1 s
    random = np.random.default_rng(1)
    arrivals = np.cumsum(random.exponential(1.0, 200_000)).tolist()
    until: list[float] = []
    refused = 0
    for at_s in arrivals:
        while until and until[0] <= at_s:
            heapq.heappop(until)
        if len(until) == pool:
            refused += 1
        else:
            heapq.heappush(until, at_s + 8.0)
    expected = occupancy.share_without_a_free_one(pool, busy)
    assert refused / len(arrivals) == pytest.approx(expected, rel=0.05)
    assert expected > 100 * NOBODY_FREE_AT_MOST


@pytest.mark.parametrize("name", tiers.names())
def test_a_history_and_the_core_memory_are_as_long_as_the_tier_says(name: str) -> None:
    shape = tiers.load(name).shape
    said = [message["content"] for message in shape.messages()]
    assert len(set(said)) == len(said) == shape.history_messages
    assert sum(map(len, said)) / 4 == pytest.approx(shape.history_tokens, rel=0.05)
    assert sum(map(len, shape.blocks().values())) / 4 == pytest.approx(shape.core_tokens, rel=0.05)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "agents: 100 ",
            "agent: 100 ",
            "small.yaml:4: agent: found 'agent', allowed: agents, bridge, concurrent_sessio",
        ),
        ("agents: 100 ", "agent: 100 ", "did you mean 'agents'?"),
        ("agents: 100 ", "agent: 100 ", "small.yaml:2: agents: found nothing, allowed: a whole number of at least 1"),
        ("agents: 100 ", "agents: 0 ", "small.yaml:4: agents: found 0, allowed: a whole number of at least 1"),
        ("agents: 100 ", "agents: 1.5 ", "agents: found 1.5, allowed: a whole number"),
        ("agents: 100 ", "agents: many ", "agents: found the text 'many', allowed: a whole number"),
        ("rate: 50", "rate: .inf", "small.yaml:2: rate: found .inf, allowed: a number above 0"),
        ("rate: 50", "rate: 1:30", "rate: found 1:30, allowed: a number above 0"),
        ("rate: 50", "rate: 50\nrate: 60", "rate: found the key a second time"),
        ("  turns: 3 ", "  turn: 3 ", "sessions.turns: found nothing, allowed: a whole number of at least 1"),
        (
            "  turns: 3 ",
            "  turn: 3 ",
            "sessions.turn: found 'turn', allowed: think_time_s, turns; did you mean 'turns'?",
        ),
        ("think_time_s: 2 ", "think_time_s: -1 ", "sessions.think_time_s: found -1, allowed: a number of at least 0"),
        ("history:\n", "history: 20\nhistoric:\n", "history: found 20, allowed: a mapping"),
        ("message: 0.20", "message: 0.30", "mix: found shares that add up to 1.1, allowed: shares that make 1"),
        ("message: 0.20", "massage: 0.20", "mix.massage: found 'massage', allowed: agent-create"),
        ("message: 0.20", "message: 2", "mix.message: found 2, allowed: a number from 0 to 1"),
        ("health: 0.10", "bridge: 0.10", "mix.bridge: found 'bridge', allowed: agent-create"),
        ("temporary_share: 0.1", "temporary_share: 1.1", "bridge.temporary_share: found 1.1, allowed: a number from 0"),
    ],
)
def test_what_a_tier_cannot_be_is_said_with_file_key_and_what_is_allowed(old: str, new: str, complaint: str) -> None:
    assert old in SMALL
    with pytest.raises(TierError) as caught:
        tiers.parse("small", SMALL.replace(old, new, 1), "small.yaml")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("text", ["", "- 1", "7", "rate: 50\n---\nrate: 60", "rate: ["])
def test_a_file_that_is_no_mapping_is_no_tier(text: str) -> None:
    with pytest.raises(TierError, match=r"empty\.yaml:1"):
        tiers.parse("empty", text, "empty.yaml")


def test_every_fault_of_a_file_is_told_at_once() -> None:
    text = SMALL.replace("rate: 50", "rate: no").replace("turns: 3", "turns: no").replace("users:", "user:")
    with pytest.raises(TierError) as caught:
        tiers.parse("small", text, "small.yaml")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["rate", "users", "user", "sessions.turns"]
