"""Secrets planted in the environment, in an address and in bodies are in no output."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from testbed.embedded_redis import EmbeddedRedis

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
API_KEY = "sk-planted-in-environment-5f1d0c"
REDIS_PASSWORD = "planted-in-address-77aa12"
BODY_SECRET = "planted-in-body-c0ffee99"
SECRETS = (API_KEY, REDIS_PASSWORD, BODY_SECRET)


class FakeLetta(http.server.BaseHTTPRequestHandler):
    """A fake server whose every error quotes a secret, as servers that echo requests do."""

    protocol_version = "HTTP/1.1"
    seen_keys: set[str | None] = set()  # noqa: RUF012 (shared by all connections of one test)

    def do_GET(self) -> None:
        if self.path == "/v1/health/":
            self._answer(200, {"version": "0.16.4", "status": "ok"})
        elif self.path.startswith("/v1/agents/?"):
            self._answer(200, [])
        else:
            self._answer(500, {"detail": f"password={BODY_SECRET} Bearer {API_KEY}"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen_keys.add(self.headers["Authorization"])
        if self.path == "/v1/agents/":
            self._answer(200, {"id": f"agent-{len(body)}"})
        else:
            self._answer(500, {"error": {"type": "llm_error", "message": BODY_SECRET, "detail": API_KEY}})

    do_PATCH = do_POST  # noqa: N815 (the name is the standard library's)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def letta_url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeLetta) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_planted_secrets_are_used_and_shown_nowhere(tmp_path: Path, letta_url: str) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", REDIS_PASSWORD)
        address = server.url.replace("redis://", f"redis://:{REDIS_PASSWORD}@")
        done = subprocess.run(
            [COMMAND, "verify", "--letta-url", letta_url, "--duration", "5", "--warmup", "0", "--rate", "20"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "LETTA_API_KEY": API_KEY, "LETTA_SLO_REDIS_URL": address},
            check=False,
        )
    assert done.returncode == 3, done.stdout + done.stderr  # it ran, and every request failed
    assert FakeLetta.seen_keys == {f"Bearer {API_KEY}"}  # the key really was used
    files = [file for file in (tmp_path / "runs").rglob("*") if file.is_file()]
    expected = {"manifest.json", "report.html", "report.json", "junit.xml", "summary.md", "notes-0.jsonl", "locust.log"}
    assert expected <= {file.name for file in files}
    outputs = {str(file.relative_to(tmp_path)): file.read_bytes() for file in files}
    assert leaks({**outputs, "stdout": done.stdout.encode(), "stderr": done.stderr.encode()}) == []


def leaks(outputs: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(name, secret) for name, data in outputs.items() for secret in SECRETS if secret.encode() in data]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_each_secret(secret: str) -> None:
    assert leaks({"report.html": f"<p>{secret}</p>".encode()}) == [("report.html", secret)]
