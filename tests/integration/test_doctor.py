"""What `letta-slo doctor` says of an account, before the doubles of Huawei Cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from huawei.account import IAM, NEEDED, TO_READ, read
from huawei.errors import AccountError
from letta_slo.main import cli
from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.doubles import Doubles

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
VARIABLES = (*chain(*NEEDED.values(), *TO_READ.values()), *IAM, "LTS_TOKEN")
SECRETS = (ACCOUNT.apm_token, ACCOUNT.aom_access_code, ACCOUNT.password)


@pytest.fixture(scope="module")
def all_doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    with Doubles(tmp_path_factory.mktemp("doubles")) as made:
        yield made


@pytest.fixture
def doubles(all_doubles: Doubles) -> Iterator[Doubles]:
    yield all_doubles
    all_doubles.heal()


def ask(environ: dict[str, str], *more: str) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the findings and all that was printed, of the verb in this process: starting it costs."""
    command = ["doctor", "--format", "json", "--wait", "10", *more]
    done = CliRunner().invoke(cli, command, env={**dict.fromkeys(VARIABLES), **environ}, standalone_mode=False)
    assert done.exception is None, done.output
    assert not [one for one in SECRETS if one in done.output]
    return done.return_value, json.loads(done.stdout), done.output


def outcomes(findings: dict[str, Any]) -> dict[str, str]:
    return {f"{one['service']} {one['what']}": one["outcome"] for one in findings["steps"]}


def truths(findings: dict[str, Any]) -> list[str]:
    return [one["truth"] for one in findings["assumptions"]]


def claim(findings: dict[str, Any], word: str) -> dict[str, str]:
    (found,) = [one for one in findings["assumptions"] if word in one["claim"]]
    return dict(found)


def test_of_a_good_account_everything_is_done_and_every_assumption_confirmed(doubles: Doubles) -> None:
    code, findings, printed = ask({**doubles.account, **doubles.to_read})
    assert code == 0, printed
    assert outcomes(findings) == {
        "IAM gives a token": "done",
        "APM takes a span": "done",
        "APM finds the span": "done",
        "AOM takes a sample": "done",
        "AOM gives the sample back": "done",
        "LTS takes a line": "done",
        "LTS finds the line": "done",
    }
    assert truths(findings) == ["confirmed"] * 7


def test_without_the_variables_to_read_with_nothing_is_called_confirmed_that_needs_them(doubles: Doubles) -> None:
    code, findings, _ = ask(doubles.account)
    assert code == 0
    assert {what for what, outcome in outcomes(findings).items() if outcome == "not asked"} == {
        "APM finds the span",
        "AOM gives the sample back",
        "LTS finds the line",
    }
    assert claim(findings, "W3C")["truth"] == "not asked"
    assert claim(findings, "two days")["truth"] == "not asked"
    assert claim(findings, "older than the newest")["truth"] == "not asked"
    said = [one["said"] for one in findings["steps"] if one["outcome"] == "not asked"]
    assert said[0] == "set APM_QUERY_ENDPOINT, APM_BUSINESS_ID, APM_REGION"


@pytest.mark.parametrize(
    ("variable", "step"),
    [
        ("APM_TOKEN", "APM takes a span"),
        ("AOM_ACCESS_CODE", "AOM takes a sample"),
        ("IAM_PASSWORD", "IAM gives a token"),
        ("LTS_STREAM_ID", "LTS takes a line"),
        ("HUAWEI_PROJECT_ID", "LTS takes a line"),
    ],
)
def test_a_wrong_setting_is_found_where_it_is_used(doubles: Doubles, variable: str, step: str) -> None:
    code, findings, printed = ask({**doubles.account, **doubles.to_read, variable: "wrong"})
    assert code == 3, printed
    assert outcomes(findings)[step] == "refused"


@pytest.mark.parametrize(
    ("variable", "address", "step"),
    [
        ("APM_ENDPOINT", "127.0.0.1:9", "APM takes a span"),
        ("AOM_REMOTE_WRITE_URL", "http://127.0.0.1:9/push", "AOM takes a sample"),
        ("LTS_ENDPOINT", "http://127.0.0.1:9", "LTS takes a line"),
        ("IAM_ENDPOINT", "no-scheme", "IAM gives a token"),
    ],
)
def test_what_is_not_reached_is_said_to_be_so(doubles: Doubles, variable: str, address: str, step: str) -> None:
    code, findings, printed = ask({**doubles.account, **doubles.to_read, variable: address})
    assert code == 5, printed
    assert outcomes(findings)[step] == "unreachable"


def test_what_does_not_come_back_is_not_found(doubles: Doubles, tmp_path: Path) -> None:
    with Doubles(tmp_path) as other:  # an instance that does not get what is written
        elsewhere = {"AOM_QUERY_URL": other.to_read["AOM_QUERY_URL"]}
        code, findings, printed = ask({**doubles.account, **elsewhere}, "--only", "aom", "--wait", "2")
    assert code == 3, printed
    assert outcomes(findings)["AOM gives the sample back"] == "not found"
    assert claim(findings, "older than the newest")["truth"] == "not asked"


def test_a_search_that_fails_is_told_from_one_that_finds_nothing(doubles: Doubles) -> None:
    doubles.fail(operation="searches", kind="status", status=503)
    code, findings, _ = ask({**doubles.account, **doubles.to_read}, "--only", "lts")
    assert (code, outcomes(findings)["LTS finds the line"]) == (3, "refused")


def test_an_assumption_that_does_not_hold_is_refuted(tmp_path: Path) -> None:
    with Doubles(tmp_path, takes_older_samples=False) as made:
        code, findings, printed = ask({**made.account, **made.to_read}, "--only", "aom")
    assert code == 0, printed
    found = claim(findings, "older than the newest")
    assert found["truth"] == "refuted"
    assert "answered 400" in found["said"]


def test_a_table_says_the_same(doubles: Doubles) -> None:
    environ = {**os.environ, **doubles.account, "COLUMNS": "160"}
    command = [COMMAND, "doctor", "--only", "aom"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "✓  AOM      takes a sample" in done.stdout
    assert "set AOM_QUERY_URL" in done.stdout


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({}, "no service of Huawei Cloud is described"),
        ({"APM_ENDPOINT": "127.0.0.1:4317"}, "APM needs APM_TOKEN"),
        (
            {"LTS_ENDPOINT": "http://a", "HUAWEI_PROJECT_ID": "p", "LTS_GROUP_ID": "g", "LTS_STREAM_ID": "s"},
            "LTS needs LTS_TOKEN, or all of IAM_ENDPOINT",
        ),
        ({"APM_ENDPOINT": "a:1", "APM_TOKEN": "t", "APM_BUSINESS_ID": "letta"}, "APM_BUSINESS_ID is a number"),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(AccountError, match=complaint):
        read(environ)


def test_what_is_missing_is_bad_usage() -> None:
    done = subprocess.run([COMMAND, "doctor", "--only", "aom"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "AOM needs AOM_REMOTE_WRITE_URL; AOM needs AOM_ACCESS_CODE: mend it in the environment" in done.stderr
