"""The agents of a tier are made once, whatever interrupts it, reset for each run, held by one, and removed at last."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from letta_slo.main import cli
from letta_slo.session import Wish, plan_of, run
from letta_slo.targets import Targets
from letta_slo.terminal import Talk
from loadgen import fleet_lease, tiers
from loadgen.fleet import Fleet, FleetError, members, prepare, reset
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL, Phases
from loadgen.prepare import count_agents, delete_agents, list_tags
from loadgen.samples import Outcome
from testbed.process import Part, python_part, start
from tests.processes import eventually

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
AGENTS = 300
TIER = replace(tiers.load("small"), agents=AGENTS)
# What a child does that a test kills: no command of the suite makes a number of agents that no tier has.
PREPARE = f"""
import sys
from loadgen import fleet, tiers
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL
shape = tiers.load("small").shape
fleet.prepare(fleet.Fleet(sys.argv[1], "small", {AGENTS}, shape, DEFAULT_MODEL, DEFAULT_EMBEDDING))
"""


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Part]:
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0")
    with start("letta-stub", command, log_dir=tmp_path / "logs") as part:
        yield part


@pytest.fixture
def url(stub: Part) -> str:
    return str(stub.announced["url"])


def fleet_of(url: str, count: int = 4) -> Fleet:
    return Fleet(url, "small", count, TIER.shape, DEFAULT_MODEL, DEFAULT_EMBEDDING)


def get(url: str, path: str) -> Any:
    return httpx.get(f"{url}{path}", timeout=10).raise_for_status().json()


def post(url: str, path: str, body: dict[str, Any]) -> Any:
    return httpx.post(f"{url}{path}", json=body, timeout=10).raise_for_status().json()


def letta_slo(url: str, *arguments: str) -> str:
    """Return what a command prints as its result; in this process, since importing the suite takes seconds."""
    done = CliRunner().invoke(cli, [*arguments, "--letta-url", url], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def names_on(url: str, fleet: Fleet) -> list[str]:
    listed = get(url, f"/v1/agents/?tags={fleet.tag}&limit=1000")
    return sorted(agent["name"] for agent in listed)


def drive(url: str, folder: Path, run_id: str) -> Any:
    wish = Wish(run_id, folder, TIER, 20.0, Phases(0, 3), 1, 1, reuse_agents=True)
    targets = Targets("own", url, None, frozenset({"letta-api"}))
    return run(plan_of(wish, targets), wish, targets, Talk(quiet=True))


@pytest.mark.slow
def test_a_fleet_whose_making_is_killed_is_completed_driven_left_there_and_removed(
    stub: Part, url: str, tmp_path: Path
) -> None:
    fleet = fleet_of(url, AGENTS)
    with subprocess.Popen([sys.executable, "-c", PREPARE, url]) as child:
        eventually(lambda: count_agents(url, fleet.tag) >= AGENTS // 3)
        child.kill()
    begun = count_agents(url, fleet.tag)
    assert AGENTS // 3 <= begun < AGENTS
    with pytest.raises(FleetError, match="letta-slo prepare --tier small makes the others"):
        members(fleet)
    done = prepare(fleet)
    assert names_on(url, fleet) == list(fleet.names)
    assert 0 < done.found <= begun
    assert done.found + done.made == AGENTS

    folder = drive(url, tmp_path / "run", "20261121-first")
    assert (folder.samples["outcome"] == Outcome.OK).all()
    assert len(set(folder.plan.agents)) == AGENTS
    assert folder.plan.fleet == fleet.tag
    assert names_on(url, fleet) == list(fleet.names)
    assert list_tags(url, "letta-slo-run-") == ()  # what the run made itself is gone, and its lease
    counters = get(str(stub.announced["control"]), "/ledger")["counters"]
    assert counters["max_messages_in_flight_per_agent"] == 1

    assert letta_slo(url, "cleanup", "--fleet", "small", "--yes") == f"{fleet.tag}: 300 agents removed\n"
    assert count_agents(url, fleet.tag) == 0
    assert get(url, "/v1/blocks/") == get(url, "/v1/archives/") == []


def test_prepare_makes_the_agents_of_a_tier_that_are_not_there(url: str) -> None:
    prepare(Fleet(url, "tiny", 5, tiers.load("tiny").shape, DEFAULT_MODEL, DEFAULT_EMBEDDING))
    said = letta_slo(url, "prepare", "--tier", "tiny")
    assert said == "letta-slo-fleet-tiny: 12 agents ready (5 were there, 7 made)\n"


def test_agents_are_made_with_the_history_and_the_memory_of_the_tier_and_no_message_is_sent(
    stub: Part, url: str
) -> None:
    prepare(fleet_of(url, 1))
    (agent,) = get(url, "/v1/agents/")
    said = [one["content"] for one in get(url, f"/v1/agents/{agent['id']}/messages?limit=100")]
    assert said[1:] == [one["content"] for one in TIER.shape.messages()]  # after the system prompt
    assert {block["label"]: block["value"] for block in agent["blocks"]} == TIER.shape.blocks()
    counters = get(str(stub.announced["control"]), "/ledger")["counters"]
    assert "messages" not in counters["requests_by_operation"]


def test_an_agent_that_was_made_but_not_noted_is_noted_and_one_that_is_there_twice_goes(url: str) -> None:
    fleet = fleet_of(url)
    prepare(fleet)
    first, second, *_ = members(fleet)
    noted = get(url, f"/v1/agents/{first.id}")["metadata"]["letta-slo"]
    # A killed command leaves an agent without its note, or one that came to be when another had been made.
    unnoted = {"letta-slo": {"shape": noted["shape"]}}
    httpx.patch(f"{url}/v1/agents/{first.id}", json={"metadata": unnoted}).raise_for_status()
    post(
        url,
        "/v1/agents/",
        {"name": second.name, "model": DEFAULT_MODEL, "tags": [fleet.tag], "metadata": unnoted},
    )
    done = prepare(fleet)
    assert (done.found, done.made, done.removed) == (3, 1, 1)
    assert members(fleet)[:2] == (first, second)


def test_a_reset_gives_an_agent_the_context_the_blocks_and_the_empty_archive_that_it_was_made_with(url: str) -> None:
    fleet = fleet_of(url, 2)
    prepare(fleet)
    used, unused = members(fleet)
    agent = f"/v1/agents/{used.id}"
    post(url, f"{agent}/messages", {"input": "Hello."})
    post(url, f"{agent}/archival-memory", {"text": "The river runs south."})
    httpx.patch(f"{url}{agent}/core-memory/blocks/human", json={"value": "tea"}).raise_for_status()
    assert members(fleet)[0] != used
    reset(fleet.url, fleet.shape, members(fleet))
    assert members(fleet) == (used, unused)
    assert get(url, f"{agent}/archival-memory") == []
    # Letta deletes no message without its agent: the history still tells what was said.
    assert (
        len(get(url, f"{agent}/messages?limit=100")) == len(get(url, f"/v1/agents/{unused.id}/messages?limit=100")) + 2
    )


def test_cleanup_frees_a_fleet_from_dead_runs_shows_it_and_leaves_it(url: str) -> None:
    fleet = fleet_of(url, 2)
    prepare(fleet)
    fleet_lease.take(fleet, "mine", longest_s=600.0)
    run, shown = letta_slo(url, "cleanup", "--yes").splitlines()
    assert run == "letta-slo-run-mine: 0 agents removed"
    assert shown == f"{fleet.tag}: 2 agents; --fleet small --yes removes them"
    assert len(members(fleet)) == 2


def test_a_fleet_of_another_kind_is_neither_completed_nor_used(url: str) -> None:
    prepare(fleet_of(url, 1))
    for other in (
        replace(fleet_of(url, 2), model="m"),
        replace(fleet_of(url, 2), shape=replace(TIER.shape, core_tokens=8)),
    ):
        for refuses in (prepare, members):
            with pytest.raises(FleetError, match="letta-slo cleanup --fleet small --yes removes the fleet"):
                refuses(other)
    assert count_agents(url, "letta-slo-fleet-small") == 1


def test_a_fleet_is_one_run_s_until_what_that_run_made_is_removed_or_its_time_is_over(url: str) -> None:
    fleet = fleet_of(url)
    fleet_lease.take(fleet, "dead", longest_s=-1.0)
    fleet_lease.take(fleet, "first", longest_s=600.0)
    with pytest.raises(
        FleetError, match=r"in use by the run first until .* letta-slo cleanup --run first --yes frees it"
    ):
        fleet_lease.take(fleet, "second", longest_s=600.0)
    fleet_lease.take(replace(fleet, tier="medium"), "third", longest_s=600.0)
    delete_agents(url, "letta-slo-run-first")
    fleet_lease.take(fleet, "second", longest_s=600.0)
    assert [lease.run_id for lease in fleet_lease.holders(url, "small")] == ["second"]


def test_of_runs_that_want_a_fleet_at_the_same_moment_at_most_one_gets_it(url: str) -> None:
    fleet = fleet_of(url)

    def take(number: int) -> bool:
        try:
            fleet_lease.take(fleet, f"run-{number}", longest_s=600.0)
        except FleetError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(24))) <= 1


def test_a_run_whose_fleet_is_not_whole_says_so_and_sends_nothing(stub: Part, url: str, tmp_path: Path) -> None:
    command = [COMMAND, "verify", "--letta-url", url, "--reuse-agents", "--runs-dir", str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "0 of 100 agents are ready on this server" in done.stderr
    assert list_tags(url, "letta-slo-") == ()
    counters = get(str(stub.announced["control"]), "/ledger")["counters"]
    assert "messages" not in counters["requests_by_operation"]
