"""`letta-slo conformance --letta-url`: a server that is there already is compared, and left as it was.

A stub stands for the user's server here; tests/integration/test_conformance_real.py has a real one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from letta_slo import exit_codes
from letta_slo.conformance import conformance
from loadgen.guard import GuardError
from loadgen.target import TargetError
from testbed.conformance import sides
from testbed.conformance.exchanges import EVERY, possible

OTHER_VERSION = """
import testbed.letta_stub.agents_api as agents
from testbed.letta_stub.__main__ import main
true_agent = agents.agent_state
agents.agent_state = lambda *given: {**true_agent(*given), "mood": "good"}
main()
"""


@contextmanager
def server(log_dir: Path, *command: str) -> Iterator[str]:
    with sides.stub(log_dir, command) as side:
        yield str(side.client.base_url)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(conformance, arguments, standalone_mode=False, catch_exceptions=False)


def things_on(url: str) -> dict[str, Any]:
    paths = ("/v1/agents/", "/v1/blocks/", "/v1/archives/", "/v1/tags/")
    return {path: httpx.get(f"{url.rstrip('/')}{path}", trust_env=False).json() for path in paths}


def test_an_equal_server_is_found_equal_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    with server(tmp_path) as url:
        before = things_on(url)
        done = run("--letta-url", url, "--format", "json")
        assert things_on(url) == before
    result = json.loads(done.stdout)
    can, cannot = possible(EVERY, has_model_double=False, has_redis=False)
    assert (done.return_value, result["equal"], result["exchanges"]) == (exit_codes.MET, True, len(can))
    assert result["letta"] == "a test double of Letta 0.16.4"
    assert result["left_out"] == [one.name for one in cannot]
    assert "message-model-500" in result["left_out"]


def test_what_another_version_has_is_listed_on_a_page_with_exit_code_3(tmp_path: Path) -> None:
    with server(tmp_path, sys.executable, "-c", OTHER_VERSION) as url:
        done = run("--letta-url", url)
    assert done.return_value == exit_codes.MISSED
    assert "missing body.mood" in done.stdout
    assert "DIFFERENCE" in done.stdout
    assert "not sent, they need the suite's own model server or Redis: message-tool, " in done.stdout
    assert len(done.stdout.splitlines()) < 60
    assert {len(line) for line in done.stdout.splitlines()} <= set(range(151))


def test_a_server_that_is_not_there_is_a_target_error() -> None:
    with pytest.raises(TargetError):
        run("--letta-url", "http://127.0.0.1:9")


def test_an_address_with_a_password_is_refused() -> None:
    with pytest.raises(GuardError):
        run("--letta-url", "http://user:secret@127.0.0.1:9")
