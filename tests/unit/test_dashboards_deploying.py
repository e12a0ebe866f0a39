"""`plan`, `apply`, `deployed`, `destroy grafana` against a double of Grafana's HTTP API; no real Grafana was used."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner, Result

from alerts.links import Links
from dashboards import api, deploying
from dashboards.api import Grafana
from dashboards.asking import ask, source_uid
from dashboards.deploying import Action, differences, marked, plan
from dashboards.errors import GrafanaRefusedError, GrafanaUnreachableError
from dashboards.rendering import boards
from dashboards.spec import FOLDER, TAG
from letta_slo import exit_codes
from letta_slo.failures import exit_code_of
from letta_slo.main import cli
from slo.catalog import load
from testbed.grafana.app import SOURCE, TOKEN, Kept, grafana_app
from testbed.process import python_part, start

Json = dict[str, Any]

MADE = boards(load(), Links())
UIDS = [one["uid"] for one in MADE.values()]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def grafana(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Iterator[Grafana]:
    listener = socket.create_server(("127.0.0.1", 0))  # it takes connections from here on, before anybody answers them
    server = uvicorn.Server(uvicorn.Config(grafana_app(kept), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        monkeypatch.setenv(api.TOKEN_VARIABLE, TOKEN)
        with api.connect(f"http://127.0.0.1:{listener.getsockname()[1]}") as found:
            yield found
    finally:
        server.should_exit = True
        thread.join()


def applied(grafana: Grafana) -> list[str]:
    said: list[str] = []
    deploying.apply(grafana, MADE, plan(grafana, MADE), said.append)
    return said


def actions(grafana: Grafana) -> set[Action]:
    return {one.action for one in plan(grafana, MADE)}


def test_on_an_empty_grafana_everything_is_created_and_then_nothing_is_left_to_do(grafana: Grafana, kept: Kept) -> None:
    assert actions(grafana) == {Action.CREATE}
    said = applied(grafana)
    assert said == [f"folder {FOLDER}: created"] + [f"{uid}: created, and read back as it was sent" for uid in UIDS]
    assert actions(grafana) == {Action.NOTHING}
    assert set(kept.boards) == set(UIDS)
    assert set(kept.folder_of.values()) == {FOLDER}


def test_a_second_apply_writes_nothing(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    writes = kept.writes
    assert applied(grafana) == []
    assert kept.writes == writes


def test_a_plan_writes_nothing(grafana: Grafana, kept: Kept) -> None:
    plan(grafana, MADE)
    assert (kept.writes, kept.folders) == (0, {})


def test_a_change_by_hand_is_shown_by_its_field_and_mended(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    kept.boards["letta-slo-letta"]["panels"][1]["title"] = "Mine"
    (step,) = [one for one in plan(grafana, MADE) if one.action is not Action.NOTHING]
    assert step.reason == "it was changed by hand since it was applied"
    assert step.differences == ('panels[Error budget left].title: "Mine" → "Error budget left"',)
    assert applied(grafana) == ["letta-slo-letta: updated, and read back as it was sent"]
    assert kept.boards["letta-slo-letta"]["version"] == 2


def test_a_change_of_the_catalogue_is_told_from_one_by_hand(grafana: Grafana) -> None:
    applied(grafana)
    changed = MADE | {"run": MADE["run"] | {"title": "Another title"}}
    (step,) = [one for one in plan(grafana, changed) if one.action is not Action.NOTHING]
    assert step.reason == "the catalogue says something else now"
    assert 'title: "Verification run" → "Another title"' in step.differences


def test_a_dashboard_of_ours_in_another_folder_is_brought_back(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    kept.folder_of["letta-slo-run"] = "elsewhere"
    (step,) = [one for one in plan(grafana, MADE) if one.action is not Action.NOTHING]
    assert step.differences == (f"folder: elsewhere → {FOLDER}",)
    applied(grafana)
    assert kept.folder_of["letta-slo-run"] == FOLDER


def test_a_foreign_dashboard_of_our_uid_is_never_overwritten(grafana: Grafana, kept: Kept) -> None:
    foreign = {"uid": "letta-slo-fleet", "title": "Somebody's", "tags": [], "id": 7, "version": 3}
    kept.boards["letta-slo-fleet"], kept.folder_of["letta-slo-fleet"] = foreign, ""
    with pytest.raises(GrafanaRefusedError, match='not ours has this uid: "Somebody\'s"'):
        applied(grafana)
    assert kept.boards == {"letta-slo-fleet": foreign}
    assert kept.folders == {}


def test_what_a_file_provisions_is_left_to_the_file(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    kept.provisioned.add("letta-slo-fleet")
    kept.boards["letta-slo-fleet"]["title"] = "Old"
    (step,) = [one for one in plan(grafana, MADE) if one.action is not Action.NOTHING]
    assert step.action is Action.REFUSE
    assert "a file provisions it" in step.reason
    assert [one for one in step.differences if one.startswith("title: ")]


def test_what_a_file_provisions_as_the_catalogue_says_is_right(grafana: Grafana, kept: Kept) -> None:
    for board in MADE.values():
        kept.boards[board["uid"]] = board | {"version": 1}
        kept.folder_of[board["uid"]] = "folder-of-the-file"
    kept.provisioned |= set(kept.boards)
    steps = plan(grafana, MADE)
    assert {one.action for one in steps} == {Action.NOTHING}
    assert {one.reason for one in steps} == {"a file provisions it, as the catalogue says"}


def test_who_comes_between_plan_and_apply_is_not_overwritten(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    kept.boards["letta-slo-run"]["title"] = "Mine"
    steps = plan(grafana, MADE)
    kept.boards["letta-slo-run"] |= {"title": "Somebody else's", "version": 2}
    with pytest.raises(GrafanaRefusedError, match="412 The dashboard has been changed by someone else; somebody"):
        deploying.apply(grafana, MADE, steps, lambda _: None)
    assert kept.boards["letta-slo-run"]["title"] == "Somebody else's"


def test_an_apply_that_broke_off_is_finished_by_the_next(grafana: Grafana, kept: Kept) -> None:
    steps = plan(grafana, MADE)
    said: list[str] = []

    def stop(text: str) -> None:
        said.append(text)
        kept.may_write = len(said) < 3

    with pytest.raises(GrafanaRefusedError, match=r"403 .*the service account needs the role Editor"):
        deploying.apply(grafana, MADE, steps, stop)
    assert len(kept.boards) == 2
    kept.may_write = True
    assert len(applied(grafana)) == len(MADE) - 2
    assert actions(grafana) == {Action.NOTHING}


def test_a_grafana_that_keeps_something_else_is_found_out(grafana: Grafana, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Grafana.dashboard
    steps = plan(grafana, MADE)

    def forgetful(self: Grafana, uid: str) -> api.Kept | None:
        found = honest(self, uid)
        if found is not None:
            found.board["panels"] = found.board["panels"][:-1]
        return found

    monkeypatch.setattr(Grafana, "dashboard", forgetful)
    with pytest.raises(GrafanaRefusedError, match=r"was written, and reads differently: panels: \d+ → \d+ of them"):
        deploying.apply(grafana, MADE, steps, lambda _: None)


def test_what_a_grafana_adds_is_no_difference() -> None:
    assert list(differences({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3})) == []
    assert list(differences({"a": [1, 2]}, {"a": [1]})) == ["a: 1 → 2 of them"]
    assert list(differences({"a": True}, {})) == ["a: null → true"]


def test_an_old_schema_version_is_refused_by_the_double(grafana: Grafana, kept: Kept) -> None:
    kept.folders[FOLDER] = "x"
    with pytest.raises(GrafanaRefusedError, match="400 schema version out of range"):
        grafana.save(marked(MADE["run"]) | {"schemaVersion": 1}, FOLDER, "")


def test_destroy_removes_what_is_ours_and_the_folder_when_it_is_empty(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    said: list[str] = []
    deploying.destroy(grafana, UIDS, confirmed=False, say=said.append)
    assert said == [f"{uid}: would be removed" for uid in UIDS]
    assert set(kept.boards) == set(UIDS)
    deploying.destroy(grafana, UIDS, confirmed=True, say=lambda _: None)
    assert (kept.boards, kept.folders) == ({}, {})


def test_destroy_leaves_what_is_not_ours(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    kept.boards["theirs"], kept.folder_of["theirs"] = {"uid": "theirs", "title": "T", "version": 1}, FOLDER
    kept.boards["letta-slo-run"]["tags"] = []
    said: list[str] = []
    deploying.destroy(grafana, UIDS, confirmed=True, say=said.append)
    assert set(kept.boards) == {"theirs", "letta-slo-run"}
    assert "letta-slo-run: stays, it is not ours" in said
    assert said[-1] == f"folder {FOLDER}: stays, 2 things are in it"


def test_each_query_is_asked_and_what_is_empty_or_fails_is_told(grafana: Grafana, kept: Kept) -> None:
    applied(grafana)
    kept.silent.add("letta_db_vector_search")
    kept.broken.add("redis_up")
    found = [one for board in MADE.values() for one in ask(grafana, board, SOURCE, 0, 1000)]
    assert len(found) == sum(len(one.get("targets", [])) for board in MADE.values() for one in board["panels"])
    assert {one.panel for one in found if one.is_empty} == {"Search among vectors", "Searches among vectors by table"}
    assert {(one.panel, one.error) for one in found if one.error} == {
        ("Redis is up", "bad_data: made up by the double")
    }


def test_no_variable_of_a_dashboard_is_left_in_what_is_asked(grafana: Grafana, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def listen(_: Grafana, queries: list[Json], *__: int) -> Json:
        asked.extend(one["expr"] for one in queries)
        return {}

    monkeypatch.setattr(Grafana, "query", listen)
    answers = [one for board in MADE.values() for one in ask(grafana, board, SOURCE, 0, 1000)]
    assert {one.error for one in answers} == {"no answer came for it"}
    assert [one for one in asked if "$" in one.replace("$__rate_interval", "").replace("$__range", "")] == []
    assert any('job=~".+"' in one for one in asked)
    assert any("$__rate_interval" in one for one in asked)


def test_the_default_prometheus_is_asked_unless_another_is_named(grafana: Grafana) -> None:
    assert source_uid(grafana, "") == SOURCE
    with pytest.raises(GrafanaRefusedError, match="no Prometheus has the uid 'made-up-loki'; there are: made-up-prom"):
        source_uid(grafana, "made-up-loki")


@pytest.mark.parametrize(
    ("url", "token", "said"),
    [
        ("http://127.0.0.1:1", "", "GRAFANA_TOKEN is not set"),
        ("http://127.0.0.1:1", "sch\u00f6n", "GRAFANA_TOKEN holds letters that no token has"),
        ("127.0.0.1:3000", TOKEN, "must begin with http"),
        ("http://admin:secret@127.0.0.1:1", TOKEN, "holds a user, a password or a query"),
    ],
)
def test_an_address_or_a_token_that_cannot_be_right_is_refused_without_saying_it(
    monkeypatch: pytest.MonkeyPatch, url: str, token: str, said: str
) -> None:
    monkeypatch.setenv(api.TOKEN_VARIABLE, token)
    with pytest.raises(GrafanaRefusedError) as refused, api.connect(url):
        pass
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_grafana_that_is_not_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.TOKEN_VARIABLE, TOKEN)
    said = r"http://127\.0\.0\.1:1: ConnectError"
    with pytest.raises(GrafanaUnreachableError, match=said), api.connect("http://127.0.0.1:1") as grafana:
        plan(grafana, MADE)


def test_each_kind_of_error_has_its_exit_code() -> None:
    codes = [exit_code_of(error("said")) for error in (GrafanaRefusedError, GrafanaUnreachableError)]
    assert codes == [exit_codes.USAGE, exit_codes.TARGET_UNREACHABLE]


def test_the_commands_bring_dashboards_to_a_grafana_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.TOKEN_VARIABLE, TOKEN)
    with start("grafana", python_part("testbed.grafana"), log_dir=tmp_path) as part:
        url = str(part.announced["url"])

        def run(*words: str) -> Result:
            return CliRunner().invoke(cli, [*words, "--grafana", url], standalone_mode=False, catch_exceptions=False)

        assert run("plan", "grafana").return_value == exit_codes.MET
        dry = run("apply", "grafana")
        assert dry.return_value == exit_codes.MET
        assert "nothing was changed" in dry.output
        done = run("apply", "grafana", "--confirm")
        assert done.output.count("read back as it was sent") == len(MADE)
        planned = run("plan", "grafana", "--format", "json")
        assert planned.return_value == exit_codes.MET
        assert {one["action"] for one in json.loads(planned.output)} == {"nothing"}
        found = run("deployed", "grafana", "--from", "5m")
        assert found.return_value == exit_codes.MET
        assert "queries show something" in found.output
        assert run("destroy", "grafana", "--confirm").output.count("removed") == len(MADE) + 1
        assert run("deployed", "grafana").return_value == exit_codes.MISSED
        assert TOKEN not in done.output + found.output + planned.output


def test_a_wrong_token_is_refused_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.TOKEN_VARIABLE, "another-token")
    said = "401 Invalid API key; the token of a service account"
    with (
        start("grafana", python_part("testbed.grafana"), log_dir=tmp_path) as part,
        pytest.raises(GrafanaRefusedError, match=said) as refused,
        api.connect(str(part.announced["url"])) as grafana,
    ):
        plan(grafana, MADE)
    assert "another-token" not in str(refused.value)


def test_the_command_line_does_not_wait_for_grafanalib() -> None:
    code = "import sys, letta_slo.main; print([name for name in sys.modules if name.startswith('grafanalib')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_ours_is_known_by_its_tag_and_the_content_by_another() -> None:
    tags = marked(MADE["run"])["tags"]
    assert tags[0] == TAG
    assert tags[1].startswith(f"{TAG}:")
    assert marked(MADE["run"])["tags"] == tags
    assert marked(MADE["run"] | {"title": "x"})["tags"] != tags
