"""What a run makes on a target is found by its tag and removed; nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from loadgen import prepare
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL
from testbed.process import python_part, start

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
MINE, OTHER = "letta-slo-run-mine", "letta-slo-run-other"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0")
    with start("letta-stub", command, log_dir=tmp_path / "logs") as part:
        yield str(part.announced["url"])


def make(url: str, count: int, tag: str) -> tuple[str, ...]:
    return prepare.create_agents(url, count, tag, model=DEFAULT_MODEL, embedding=DEFAULT_EMBEDDING)


def get(url: str, path: str) -> Any:
    return httpx.get(f"{url}{path}", timeout=10).raise_for_status().json()


def test_agents_blocks_and_archival_memories_of_a_run_are_removed_and_no_others(url: str) -> None:
    mine, other = make(url, 60, MINE), make(url, 2, OTHER)  # more than one page
    for agent in (mine[0], other[0]):
        httpx.post(f"{url}/v1/agents/{agent}/archival-memory", json={"text": "sky"}).raise_for_status()
    assert prepare.delete_agents(url, MINE) == 60
    assert sorted(agent["id"] for agent in get(url, "/v1/agents/?limit=500")) == sorted(other)
    assert len(get(url, "/v1/blocks/?limit=500")) == 4
    assert len(get(url, "/v1/archives/")) == 1


def test_a_tag_that_is_not_the_suite_s_is_never_removed(url: str) -> None:
    with pytest.raises(ValueError, match="letta-slo-run-"):
        prepare.delete_agents(url, "production")


def test_cleanup_shows_first_and_removes_when_told(url: str) -> None:
    make(url, 3, MINE)
    make(url, 2, OTHER)

    def cleanup(*arguments: str) -> str:
        command = [COMMAND, "cleanup", "--letta-url", url, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert cleanup() == f"{MINE}: 3 agents; --yes removes them\n{OTHER}: 2 agents; --yes removes them\n"
    assert cleanup("--run", "mine", "--yes") == f"{MINE}: 3 agents removed\n"
    assert cleanup("--yes") == f"{OTHER}: 2 agents removed\n"
    assert cleanup() == "nothing of the suite is on this target\n"
