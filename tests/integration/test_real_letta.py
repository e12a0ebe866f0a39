"""Does the suite start a real Letta that works, and is nothing left of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from testbed.process import Part, python_part, start
from testbed.real_letta.server import RealLetta
from tests.processes import alive, eventually

_WANTED = os.environ.get("CI") == "true" or os.environ.get("LETTA_SLO_REAL_LETTA") == "1"

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # the first start installs Letta: minutes
    pytest.mark.skipif(not _WANTED, reason="installs 900 MB and takes minutes; LETTA_SLO_REAL_LETTA=1 runs it"),
]

_EMBEDDING = "openai/text-embedding-3-small"

# Says "starting Letta ..." and then, once it serves, its process ids; holds until it is killed or interrupted.
_OWNER = """
import json, signal, sys
from pathlib import Path
from testbed.real_letta.server import RealLetta
say = lambda text: print(text, flush=True)
try:
    with RealLetta(sys.argv[1], log_dir=Path(sys.argv[2]), progress=say) as letta:
        say("serving " + json.dumps(letta.pids))
        signal.pause()
except KeyboardInterrupt:
    say("interrupted")
    sys.exit(0)  # else CPython ends by SIGINT after all, when it came while a string was executed, as dataclasses do
"""


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    with start("llm", python_part("testbed.llm_stub"), log_dir=tmp_path_factory.mktemp("llm")) as part:
        yield part


@pytest.fixture(scope="module")
def letta(llm: Part, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLetta]:
    said: list[str] = []
    home_before = _written_by_letta_in_our_home()
    with RealLetta(llm.announced["url"], log_dir=tmp_path_factory.mktemp("letta"), progress=said.append) as running:
        servers, run_dir = _servers(running.pids), _run_dir(running.pids)
        yield running
    assert alive(servers) == []
    assert _processes_of(run_dir) == []
    assert not run_dir.exists()
    assert _written_by_letta_in_our_home() == home_before
    assert any("starting Letta" in line for line in said)


@pytest.fixture
def client(letta: RealLetta) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=letta.url, timeout=60.0, trust_env=False) as client:
        yield client


@pytest.fixture
def tag() -> str:
    return f"run:{uuid.uuid4()}"


@pytest.fixture
def agent(letta: RealLetta, client: httpx.Client, tag: str) -> Iterator[str]:
    wanted = {"name": "tested", "model": letta.models[0], "embedding": _EMBEDDING, "tags": [tag]}
    answer = client.post("/v1/agents/", json={**wanted, "metadata": {"run": tag}})
    assert answer.status_code == 200
    assert answer.json()["tags"] == [tag]
    assert answer.json()["metadata"] == {"run": tag}
    identity = str(answer.json()["id"])
    yield identity
    client.delete(f"/v1/agents/{identity}")


def test_the_server_is_healthy_and_states_its_versions(letta: RealLetta, client: httpx.Client) -> None:
    assert client.get("/v1/health/").json() == {"version": "0.16.4", "status": "ok"}
    assert letta.versions["letta"] == "0.16.4"
    assert letta.versions["postgresql"].startswith("16.")
    assert letta.versions["pgvector"]


def test_a_message_is_answered_by_the_given_llm(client: httpx.Client, agent: str) -> None:
    answer = client.post(f"/v1/agents/{agent}/messages", json={"input": "hello"})
    assert answer.status_code == 200
    assert [part["message_type"] for part in answer.json()["messages"]] == ["assistant_message"]
    assert answer.json()["stop_reason"]["stop_reason"] == "end_turn"


def test_a_stream_brings_content_in_pieces_and_ends_with_done(client: httpx.Client, agent: str) -> None:
    answer = client.post(f"/v1/agents/{agent}/messages/stream", json={"input": "hello", "stream_tokens": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    kinds = [json.loads(line)["message_type"] for line in lines[:-1]]
    assert kinds[-2:] == ["stop_reason", "usage_statistics"]
    assert kinds.count("assistant_message") > 1


def test_an_archival_memory_is_found_and_removed(client: httpx.Client, agent: str) -> None:
    path = f"/v1/agents/{agent}/archival-memory"
    (passage,) = client.post(path, json={"text": "the sky is blue"}).json()
    found = client.get(f"{path}/search", params={"query": "sky"}).json()
    assert [result["id"] for result in found["results"]] == [passage["id"]]
    assert client.delete(f"{path}/{passage['id']}").status_code == 200
    assert client.delete(f"{path}/{passage['id']}").status_code == 404


def test_what_a_run_created_is_found_by_its_tag_and_removed(client: httpx.Client, agent: str, tag: str) -> None:
    def tagged() -> list[Any]:
        return [each["id"] for each in client.get("/v1/agents/", params={"tags": tag, "limit": 100}).json()]

    assert tagged() == [agent]
    assert client.delete(f"/v1/agents/{agent}").status_code == 200
    assert tagged() == []
    assert client.get(f"/v1/agents/{agent}").status_code == 404


def test_nothing_is_left_when_the_owner_is_killed(llm: Part, tmp_path: Path) -> None:
    with _owner(llm, tmp_path) as owner:
        pids: dict[str, int] = json.loads(_read_until(owner, "serving ").removeprefix("serving "))
        servers, run_dir = _servers(pids), _run_dir(pids)
        owner.kill()
        owner.wait()
    eventually(lambda: alive(servers) == [] and _processes_of(run_dir) == [])
    eventually(lambda: not run_dir.exists())


def test_nothing_is_left_when_a_start_is_interrupted(llm: Part, tmp_path: Path) -> None:
    with _owner(llm, tmp_path) as owner:
        _read_until(owner, "starting Letta")
        eventually(lambda: len(psutil.Process(owner.pid).children()) == 3)  # the sweeper, PostgreSQL, Letta
        started = psutil.Process(owner.pid).children()
        owner.send_signal(signal.SIGINT)
        assert _read_until(owner, "interrupted")
    assert owner.returncode == 0
    assert alive(started) == []


def _owner(llm: Part, log_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _OWNER, llm.announced["url"], str(log_dir)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _read_until(owner: subprocess.Popen[str], start_of_line: str) -> str:
    assert owner.stdout is not None
    for line in owner.stdout:
        if line.startswith(start_of_line):
            return line
    raise AssertionError(f"the owner ended without saying {start_of_line!r}")


def _servers(pids: dict[str, int]) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in pids.values()]


def _run_dir(pids: dict[str, int]) -> Path:
    return Path(psutil.Process(pids["letta"]).cwd()).parent


def _written_by_letta_in_our_home() -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (Path.home() / ".letta").rglob("*")}


def _processes_of(run_dir: Path) -> list[int]:
    """Return the processes, of any user, that were started from `run_dir` or with it in their arguments."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(run_dir) in word for word in process.info["cmdline"] or ())
    ]
