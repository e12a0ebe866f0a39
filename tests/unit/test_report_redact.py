"""No credential leaves with a report, and no ordinary word is lost to that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.run_folder import RunFolder, append_line
from report.judge import judge
from report.redact import REDACTED, clean, redact
from report.write import write_reports
from slo.catalog import load
from tests.made_runs import MISSES, make

SECRETS = {
    "redis://:hunter2secret@10.0.0.7:6379/0": "hunter2secret",
    "https://admin:p%40ssw0rd@letta.example.com/v1": "p%40ssw0rd",
    "https://admin:pa/ss@word@letta.example.com/v1": "pa/ss@word",
    "Authorization: Bearer abc.def-ghi_jkl123": "abc.def-ghi_jkl123",
    "authorization: basic dXNlcjpwYXNzd29yZA==": "dXNlcjpwYXNzd29yZA==",
    "key sk-proj-AbCdEf0123456789xyz was refused": "sk-proj-AbCdEf0123456789xyz",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "AKIAIOSFODNN7EXAMPLE": "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3": "eyJzdWIiOiIxMjM0In0",
    "failed: password=correct-horse": "correct-horse",
    'body {"api_key": "1234567890abcdef"}': "1234567890abcdef",
    '{\\"client_secret\\": \\"zzz-yyy-xxx\\"}': "zzz-yyy-xxx",
    "GET /v1/x?access_token=qwertyuiop&a=1": "qwertyuiop",
    "GET /v1/x?token=qwertyuiop&a=1": "qwertyuiop",
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.items())
def test_what_looks_like_a_credential_is_replaced(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert REDACTED in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "time to first token: 350 ms",
        "tokens: 12 in, 300 out",
        "http://127.0.0.1:8283/v1/agents/?tags=letta-slo-run-20260115-093000-ab12",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "task-20260115-093000 risk-adjusted",
        "the bearer of this letter",
        "made-misses-7-2767-0",
        "00000000-0000-8000-8000-000027670000",
    ],
)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_the_value_of_a_key_that_names_a_secret_is_left_out_whatever_it_is() -> None:
    held = {"redis": {"password": "abc", "port": 6379}, "list": [{"LETTA_API_KEY": "x"}], "user_tokens": 100}
    assert clean(held) == {
        "redis": {"password": REDACTED, "port": 6379},
        "list": [{"LETTA_API_KEY": REDACTED}],
        "user_tokens": 100,
    }


def test_planted_secrets_are_in_none_of_the_four_reports(tmp_path: Path) -> None:
    text = " ".join(SECRETS)
    story = replace(MISSES, note={"trace_id": "sk-planted-in-a-note-0001", "content": "WHAT-A-USER-SAID"})
    folder = make(tmp_path, story, rate_factor=0.3)
    slow = {"number": 1, "turn": 0, "operation": "message", "outcome": "timeout", "status": 0, "source": "", "agent": 1}
    slow |= {"intended_s": 9.0, "lag_ms": 0.1, "response_ms": 60000.0, "first_ms": None}
    append_line(folder.path / "notes-0.jsonl", {**slow, "error": text, "agent_id": "Bearer planted-agent-0003"})
    plant_in_manifest(folder.path / "manifest.json", text)
    written = write_reports(judge(RunFolder(folder.path), load()), tmp_path / "out")
    for file in written.values():
        content = file.read_text()
        for secret in [*SECRETS.values(), "planted", "WHAT-A-USER-SAID"]:
            assert secret not in content, f"{secret} is in {file.name}"
    assert "still in flight" not in written["html"].read_text()


def plant_in_manifest(file: Path, text: str) -> None:
    manifest = json.loads(file.read_text())
    manifest["targets"]["letta-bridge"] = {
        "kind": "own",
        "address": "redis://:planted@10.0.0.7:6379",
        "version": "7 password=planted",
    }
    manifest["git"] = text
    manifest["tier"] = "token=planted0004"
    manifest["machine"]["cpu"] = "sk-planted-cpu-00000"
    manifest["packages"]["locust"] = "Bearer planted-0005"
    file.write_text(json.dumps(manifest))
