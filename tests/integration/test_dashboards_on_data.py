"""Every panel of every dashboard on a real Prometheus, healthy and then with faults; what is planted is caught."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from letta_otel.conventions import metrics as conventions
from letta_otel.conventions.kinds import Metric

from alerts.links import Links
from alerts.rendering import every_group
from dashboards.proof.coverage import coverage
from dashboards.proof.exceptions import read_exceptions
from dashboards.proof.finding import Finding, Kind
from dashboards.proof.preview import SAID
from dashboards.proof.proving import Proof, prove
from dashboards.proof.reading import read
from dashboards.proof.series import Ask, Stretch
from dashboards.rendering import as_json, boards
from letta_slo.panels import asking
from production.client import connect
from slo.catalog import load
from testbed.observed.scene import Scene
from testbed.ports import free_port
from tests.integration.test_observed_scene import missing

_WANTED = os.environ.get("CI") == "true" or (os.environ.get("LETTA_SLO_REAL_LETTA") == "1" and not missing())
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # the first start installs Letta: minutes
    pytest.mark.skipif(not _WANTED, reason="needs a real Letta (900 MB), exporters; LETTA_SLO_REAL_LETTA=1 runs it"),
]

_HEALTHY_S, _ASSUMED_S = 30.0, 15.0
BOARDS = {key: as_json(board) for key, board in boards(load(), Links()).items()}


@dataclass(frozen=True, slots=True)
class Seen:
    """A scene that was well for a while and then was not; the faults are over."""

    scene: Scene
    ask: Ask
    healthy: Stretch
    whole: Stretch


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    place = tmp_path_factory.mktemp("scene")
    rules = place / "rules.yaml"
    rules.write_text(json.dumps({"groups": every_group(load(), Links())}))  # JSON is YAML
    with (
        Scene(place, prometheus_config={"rule_files": [str(rules)]}, with_real_letta=True, say=print) as scene,
        connect(scene.prometheus_url) as prometheus,
        probing(scene),
    ):
        ask = asking(prometheus)
        began = well(ask)
        healthy = Stretch(began, began + _HEALTHY_S, 1.0)
        until(healthy.to_s)
        go_wrong(scene, ask)
        yield Seen(scene, ask, healthy, Stretch(began, time.time(), 1.0))


def probing(scene: Scene) -> Any:
    port = free_port()
    command = [str(Path(sys.executable).with_name("letta-slo")), "probe", "--every", "1", "--timeout", "3"]
    command += ["--letta-url", scene.bed.letta_url, "--redis-url", scene.bed.redis.url, "--port", str(port)]
    scene.scrape("letta-slo-probe", f"127.0.0.1:{port}")
    return _Child(command)


class _Child:
    def __init__(self, command: Sequence[str]) -> None:
        self._command = command

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def known(ask: Ask, expression: str) -> Callable[[], bool]:
    return lambda: any(value > 0 for one in ask(expression, time.time(), time.time(), 1.0) for _, value in one.finite)


def well(ask: Ask) -> float:
    """Wait until load reaches everything, and return when that was."""
    for expression in (
        "rate(letta_bridge_response_duration_seconds_count[5s])",
        "rate(gen_ai_client_operation_duration_seconds_count[5s])",
        "rate(letta_slo_probe_good_total[5s])",
    ):
        soon(known(ask, expression), 60)
    return time.time()


def soon(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return when `condition` holds; asks twice a second, since many look at this machine."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds:g} s"
        pause.wait(0.5)


def until(at_s: float) -> None:
    soon(lambda: time.time() > at_s, at_s - time.time() + 5)


def go_wrong(scene: Scene, ask: Ask) -> None:
    """Play every fault that some panel is there to show, each until the Prometheus knows of it."""
    faults = scene.faults
    faults.letta_fails(share=0.5)
    faults.model_fails()  # all of it, as a client tries three times
    faults.cloud_fails("spans")
    faults.garbage_arrives(2)
    soon(known(ask, 'rate(http_server_request_duration_seconds_count{http_response_status_code="500"}[5s])'))
    soon(known(ask, 'rate(gen_ai_client_operation_duration_seconds_count{error_type!=""}[20s])'), 60)
    soon(known(ask, "rate(otelcol_exporter_send_failed_spans_total[20s])"), 60)
    soon(known(ask, "rate(letta_bridge_fallback_requests_total[5s])"))
    faults.heal()
    faults.database_is_locked(6.0)
    faults.fallback_is_absent()
    faults.letta_is_down(8.0)
    soon(known(ask, "letta_bridge_circuit_open"))
    soon(known(ask, 'rate(letta_bridge_response_duration_seconds_count{letta_bridge_outcome="error"}[10s])'))
    soon(known(ask, "db_client_connection_timeouts_total"), 60)
    faults.database_is_locked(6.0)  # again: a counter that is born with a value has no rate
    soon(known(ask, "rate(db_client_connection_timeouts_total[20s])"), 60)
    faults.bridge_dies()
    faults.heal()
    soon(known(ask, "rate(letta_bridge_response_duration_seconds_count[5s])"), 60)
    until(time.time() + _ASSUMED_S)  # panels have steps of the interval that they assume


@pytest.fixture(scope="module")
def proofs(seen: Seen) -> tuple[Proof, ...]:
    return prove([read(text, name) for name, text in BOARDS.items()], seen.ask, seen.whole, read_exceptions())


@pytest.mark.parametrize("key", list(BOARDS))
def test_every_query_shows_something_sane(key: str, proofs: tuple[Proof, ...]) -> None:
    (proof,) = [one for one in proofs if one.board.key == key]
    assert proof.asked > 10
    assert [str(one) for one in proof.findings] == []


# Panels that are there for what is wrong: nothing, or zero, while all is well; more than zero after the faults.
TELLS = (
    ("bridge", "Errors"),
    ("bridge", "Fallbacks by reason"),
    ("bridge", "Dead letters"),
    ("bridge", "Circuit breakers"),
    ("bridge", "Retries by class of error"),
    ("letta", "Errors by route"),
    ("letta", "Errors by model"),
    ("stores", "Gave up waiting"),
    ("platform", "Given up by exporters"),
)


@pytest.fixture(scope="module")
def well_proofs(seen: Seen) -> tuple[Proof, ...]:
    return prove([read(text, name) for name, text in BOARDS.items()], seen.ask, seen.healthy, read_exceptions())


@pytest.mark.parametrize(("key", "title"), TELLS)
def test_a_panel_about_faults_is_still_while_all_is_well_and_moves_after_them(
    key: str, title: str, proofs: tuple[Proof, ...], well_proofs: tuple[Proof, ...]
) -> None:
    calm, moved = (next(one for one in every if one.board.key == key).panel(title) for every in (well_proofs, proofs))
    assert max(calm.values, default=0) == 0
    assert calm.values or calm.panel.no_value
    assert max(moved.values) > 0


def planted(seen: Seen, key: str, old: str, new: str) -> list[Finding]:
    """Return what is found in a copy of a dashboard with one fault planted."""
    as_text, of_text = json.dumps(old)[1:-1], json.dumps(new)[1:-1]
    text = BOARDS[key].replace(as_text, of_text) if as_text in BOARDS[key] else BOARDS[key].replace(old, new)
    assert text != BOARDS[key], f"{old!r} is not in the dashboard {key}: plant it elsewhere"
    (proof,) = prove([read(text, key)], seen.ask, seen.whole, read_exceptions())
    return [one for one in proof.findings if one.kind is not Kind.EXCEPTION]


@pytest.mark.parametrize(
    ("key", "old", "new", "kind", "panel"),
    [
        ("bridge", "letta_bridge_retries_total", "letta_bridge_retrys_total", Kind.EMPTY, "Retries by class of error"),
        ("bridge", "{{letta_bridge_fallback_reason}}", "{{reason}}", Kind.LABEL, "Fallbacks by reason"),
        ("bridge", '"unit": "s"', '"unit": "bytes"', Kind.UNIT, "Response time by source"),
        ("bridge", "histogram_quantile(0.95", "histogram_quantile(0.95,", Kind.SYNTAX, "Waiting in the queue"),
        ("bridge", "[$__rate_interval]", "[20s]", Kind.WINDOW, "Retries by class of error"),
        ("bridge", "label_values(letta_bridge_requests_total, job)", "label_values(letta_bridge_asked_total, job)",
         Kind.VARIABLE, "variable job"),
        ("bridge", '"allValue": ".+",', "", Kind.ALL_VALUE, "variable job"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_caught_by_its_name(  # noqa: PLR0917 - one row of the table
    seen: Seen, key: str, old: str, new: str, kind: Kind, panel: str
) -> None:
    assert (kind, panel) in {(one.kind, one.panel) for one in planted(seen, key, old, new)}


def test_a_planted_bare_counter_is_caught(seen: Seen) -> None:
    board = json.loads(BOARDS["bridge"])
    (bare,) = [one for one in board["panels"] if one["title"] == "Retries by class of error"]
    bare["targets"][0]["expr"] = "sum by (error_type) (letta_bridge_retries_total)"
    (proof,) = prove([read(json.dumps(board), "planted")], seen.ask, seen.whole, read_exceptions())
    assert (Kind.COUNTER, bare["title"]) in {(one.kind, one.panel) for one in proof.findings}


def test_what_the_registry_names_is_exposed_in_the_scene_and_on_some_dashboard(seen: Seen) -> None:
    made = [read(text, name) for name, text in BOARDS.items()]
    found = coverage(made, seen.ask, seen.whole)
    exposed = {one for name in found.exposed for one in (name, re.sub("_(bucket|count|sum)$", "", name))}
    registry = {one.prometheus for one in vars(conventions).values() if isinstance(one, Metric)}
    assert registry - exposed == set()
    assert registry & set(found.never_shown) == set()


def test_the_command_says_the_same_and_draws_a_page_that_says_that_it_is_not_grafana(
    seen: Seen, tmp_path: Path
) -> None:
    folder, page = tmp_path / "dashboards", tmp_path / "preview.html"
    folder.mkdir()
    for name, text in BOARDS.items():
        (folder / f"{name}.json").write_text(text)
    command = [str(Path(sys.executable).with_name("letta-slo")), "panels", "--dashboards", str(folder)]
    command += ["--prometheus", seen.scene.prometheus_url, "--preview", str(page), "--from", "3m"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every query shows something" in done.stdout
    drawn = page.read_text()
    assert SAID in drawn.replace("&#x27;", "'")
    assert drawn.count("<svg") > 50
    assert "<script" not in drawn
