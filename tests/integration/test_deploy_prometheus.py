"""Rules brought to a real Prometheus: planned, applied, read back, mended after somebody changed them, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from letta_slo.main import cli
from production.errors import PrometheusError
from testbed.prometheus_server import PrometheusServer
from tests.promtool import needs_promtool

pytestmark = [needs_promtool, pytest.mark.real]
ROOT = Path(__file__).parents[2]
FOREIGN = "groups: [{name: theirs, rules: [{record: 'their:own:record', expr: '1'}]}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "rules"
    (place / "objectives").mkdir(parents=True)
    (place / "objectives" / "theirs.yaml").write_text(FOREIGN)
    return place


@pytest.fixture
def server(tmp_path: Path, folder: Path) -> Iterator[PrometheusServer]:
    config = {"rule_files": [f"{folder}/{kind}/*.yaml" for kind in ("objectives", "platform")]}
    with PrometheusServer(tmp_path, {}, flags=["--web.enable-lifecycle"], config=config) as started:
        yield started


def run(verb: str, server: PrometheusServer, *more: str) -> Any:
    return CliRunner().invoke(cli, [verb, "prometheus", "--prometheus", server.url, *more], standalone_mode=False)


def groups_of(server: PrometheusServer) -> set[str]:
    return {one["name"] for one in httpx.get(f"{server.url}/api/v1/rules").json()["data"]["groups"]}


def test_what_is_applied_is_there_and_a_second_plan_shows_nothing(server: PrometheusServer, folder: Path) -> None:
    planned = run("plan", server)
    assert planned.return_value == 0 and "+ letta-slo/objectives/bridge-success" in planned.output
    dry = run("apply", server, "--rules-dir", str(folder))
    assert "nothing was changed" in dry.output and groups_of(server) == {"theirs"}

    done = run("apply", server, "--rules-dir", str(folder), "--confirm")
    assert (done.return_value, done.output.splitlines()[-1]) == (0, "applied, and read back: nothing differs")
    assert run("plan", server).output == "nothing differs\n"
    checked = run("deployed", server)
    assert checked.return_value == 0
    assert "this Prometheus keeps 15 days and the budget of" in checked.stderr

    changed = folder / "platform" / "redis.yaml"
    changed.write_text(changed.read_text().replace("redis_up == 0", "redis_up == 2").replace("for: 1m", "for: 2m"))
    httpx.post(f"{server.url}/-/reload").raise_for_status()
    drifted = run("deployed", server)
    assert drifted.return_value == 3
    assert "~ letta-slo/platform/redis: RedisDown" in drifted.output
    assert "expression: 'redis_up == 2' -> 'redis_up == 0'" in drifted.output
    assert "for: 120.0 -> 60.0" in drifted.output
    assert run("apply", server, "--rules-dir", str(folder), "--confirm").return_value == 0
    assert run("plan", server).output == "nothing differs\n"

    gone = run("destroy", server, "--rules-dir", str(folder), "--confirm")
    assert gone.return_value == 0 and groups_of(server) == {"theirs"}
    assert (folder / "objectives" / "theirs.yaml").read_text() == FOREIGN


def test_files_that_the_server_refuses_are_taken_back(server: PrometheusServer, folder: Path) -> None:
    assert run("apply", server, "--rules-dir", str(folder), "--confirm").return_value == 0
    (folder / "platform" / "theirs.yaml").write_text("groups: [{name: theirs}, {name: theirs}]\n")  # twice one name
    ours = folder / "platform" / "redis.yaml"
    before = ours.read_text().replace("for: 1m", "for: 2m")
    ours.write_text(before)
    done = run("apply", server, "--rules-dir", str(folder), "--confirm")
    assert isinstance(done.exception, PrometheusError)
    assert "/-/reload answered 500" in str(done.exception)
    assert ours.read_text() == before


def test_a_file_of_somebody_else_is_not_written_over(server: PrometheusServer, folder: Path) -> None:
    theirs = folder / "objectives" / "bridge-success.yaml"
    theirs.write_text(FOREIGN)
    done = run("apply", server, "--rules-dir", str(folder), "--confirm")
    assert "not written by letta-slo, so not touched" in str(done.exception)
    assert theirs.read_text() == FOREIGN


def test_a_server_that_is_not_there_is_said() -> None:
    asked = ["plan", "prometheus", "--prometheus", "http://127.0.0.1:1"]
    done = CliRunner().invoke(cli, asked, standalone_mode=False)
    assert isinstance(done.exception, PrometheusError)


def test_alarms_of_ones_own_are_applied_and_what_goes_is_named_before(server: PrometheusServer, folder: Path) -> None:
    own = folder.parent / "alarms"
    own.mkdir()
    text = (ROOT / "alerts" / "platform" / "redis.yaml").read_text()
    (own / "mine.yaml").write_text(
        text.replace("redis_up == 0", "redis_up < 1").replace("component: redis", "component: mine")
    )
    rules = ["--rules-dir", str(folder)]
    assert run("apply", server, *rules, "--confirm").return_value == 0
    mine = ["--alarms", str(own)]
    dry = run("apply", server, *rules, *mine)
    assert f"- {folder / 'platform' / 'redis.yaml'}: ours, and no longer wanted" in dry.output
    assert (folder / "platform" / "redis.yaml").is_file()
    assert run("apply", server, *rules, *mine, "--confirm").return_value == 0
    assert [file.name for file in (folder / "platform").iterdir()] == ["mine.yaml"]
    assert run("deployed", server, *mine).return_value == 0
    assert run("deployed", server).return_value == 3


def test_destroy_takes_rules_and_leaves_everything_else_that_was_rendered(
    server: PrometheusServer, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert CliRunner().invoke(cli, ["render", "--out", str(out)], standalone_mode=False).return_value == 0
    (out / "prometheus" / "objectives" / "binary.yaml").write_bytes(b"\xff\xfe")
    before = {file for file in out.rglob("*") if file.is_file()}
    done = run("destroy", server, "--rules-dir", str(out), "--confirm")
    assert done.return_value == 0 and {file for file in out.rglob("*") if file.is_file()} == before
    gone = run("destroy", server, "--rules-dir", str(out / "prometheus"), "--confirm")
    left = {file for file in out.rglob("*") if file.is_file()}
    assert gone.return_value == 0
    assert {file.parent.name for file in before - left} == {"objectives", "platform"}
    assert (out / "prometheus" / "objectives" / "binary.yaml") in left
    assert any("tests" in file.parts for file in left)
