"""`letta-slo panels` at a real Prometheus that has no data: exit codes, what is said, and what is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.prometheus_server import PrometheusServer
from tests.panels import dashboard, panel, target

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        shutil.which("prometheus") is None and os.environ.get("CI") != "true", reason="prometheus is not on PATH"
    ),
]
COMMAND = str(Path(sys.executable).with_name("letta-slo"))
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with PrometheusServer(tmp_path_factory.mktemp("prometheus"), {}) as server:
        yield server.url


def panels(folder: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "panels", "--prometheus", url, "--dashboards", str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "120"})


def given(folder: Path, expr: str) -> Path:
    (folder / "small.json").write_text(dashboard(panel(target(expr), unit="short")))
    return folder


def test_a_dashboard_that_shows_something_is_fine_and_can_be_drawn(prometheus: str, tmp_path: Path) -> None:
    page = tmp_path / "preview.html"
    done = panels(given(tmp_path, "vector(1)"), prometheus, "--preview", str(page))
    assert (done.returncode, done.stderr) == (0, f"preview: {page}\n")
    assert "every query shows something" in done.stdout
    assert "<svg" in page.read_text()


def test_a_panel_that_shows_nothing_is_named(prometheus: str, tmp_path: Path) -> None:
    done = panels(given(tmp_path, "some_gauge"), prometheus)
    assert done.returncode == 3
    assert "✗ small / Requests / A: empty: some_gauge" in done.stdout


def test_what_the_prometheus_cannot_evaluate_is_a_finding_and_no_crash(prometheus: str, tmp_path: Path) -> None:
    done = panels(given(tmp_path, "vector(1) + on(job) group_left(a, b) nonsense[5m]"), prometheus)
    assert done.returncode == 3
    assert "small / Requests / A: " in done.stdout


def test_an_entry_among_the_exceptions_excuses_what_is_empty(prometheus: str, tmp_path: Path) -> None:
    file = tmp_path / "may-be-empty.yaml"
    file.write_text("- {dashboard: small, panel: Requests, query: A, reason: nobody has this gauge here}")
    assert panels(given(tmp_path, "some_gauge"), prometheus, "--exceptions", str(file)).returncode == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 5, "ConnectError"),
        (("--from", "now", "--to", "1h"), 2, "--from must be before --to"),
        (("--dashboards", "/nowhere"), 2, "does not exist"),
        (("--scrape-interval", "0"), 2, "--scrape-interval"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    options: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = panels(given(tmp_path, "up"), NOBODY, *options)
    assert done.returncode == code
    assert said in done.stderr


def test_a_folder_without_a_dashboard_is_refused(tmp_path: Path) -> None:
    done = panels(tmp_path, NOBODY)
    assert done.returncode == 2
    assert "no dashboard there; allowed is a folder with Grafana's JSON" in done.stderr
