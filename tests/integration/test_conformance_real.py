"""`letta-slo conformance` with a real Letta 0.16.4: no difference but the allowed ones, and nothing of it is left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from letta_slo import exit_codes
from letta_slo.conformance import conformance
from loadgen import prepare
from testbed.conformance import allowed, sides, stored
from testbed.conformance.differences import compare
from testbed.conformance.exchange import Recording
from testbed.conformance.exchanges import EVERY

_WANTED = os.environ.get("CI") == "true" or os.environ.get("LETTA_SLO_REAL_LETTA") == "1"

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # the first start installs Letta: minutes
    pytest.mark.skipif(not _WANTED, reason="installs 900 MB and takes minutes; LETTA_SLO_REAL_LETTA=1 runs it"),
]


@pytest.fixture(scope="module")
def letta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sides.Side]:
    with sides.real(tmp_path_factory.mktemp("letta"), lambda _text: None) as side:
        yield side


def test_the_verb_finds_a_real_letta_equal_to_the_stub() -> None:
    done = CliRunner().invoke(conformance, ["--format", "json"], standalone_mode=False, catch_exceptions=False)
    result = json.loads(done.stdout)
    assert [one for one in result["differences"] if one["allowed"] is None] == []
    assert (done.return_value, result["exchanges"], result["left_out"]) == (exit_codes.MET, len(EVERY), [])


def test_a_real_letta_still_answers_as_in_the_stored_recording(letta: sides.Side) -> None:
    asked: Recording = letta.record(EVERY, prepare.TAG_PREFIX + "again")
    judged = allowed.judge(compare(EVERY, stored.load(), asked), allowed.load())
    assert [one.difference for one in judged if one.allowed is None] == []


def test_one_s_own_letta_is_compared_without_faults_and_left_as_it_was(
    letta: sides.Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = things_on(letta.client)
    arguments = ["--letta-url", str(letta.client.base_url), "--model", letta.model, "--format", "json"]
    done = CliRunner().invoke(conformance, arguments, standalone_mode=False, catch_exceptions=False)
    result = json.loads(done.stdout)
    assert [one for one in result["differences"] if one["allowed"] is None] == []
    assert done.return_value == exit_codes.MET
    assert "message-model-500" in result["left_out"]
    assert things_on(letta.client) == before
    assert list(tmp_path.iterdir()) == []


def things_on(client: httpx.Client) -> dict[str, list[str]]:
    paths = ("/v1/agents/", "/v1/blocks/", "/v1/archives/")
    return {path: sorted(one["id"] for one in client.get(path, params={"limit": 500}).json()) for path in paths}
