"""The observed scene: is all there that dashboards and alerts look at, and does each fault show?"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from alerts.links import Links
from alerts.rendering import every_group
from slo.catalog import load
from testbed.collector import program
from testbed.observed.scene import Scene
from testbed.process import PartError
from tests.processes import eventually

_PROGRAMS = ("prometheus", "prometheus-node-exporter", "prometheus-redis-exporter", "prometheus-postgres-exporter")


def missing() -> str:
    """Return which real part the scene lacks here, empty when it has all."""
    try:
        program()
    except PartError as error:
        return str(error)
    if not list(Path("/usr/lib/postgresql").glob("*/bin/pgbench")):
        return "PostgreSQL (Debian: postgresql)"
    return ", ".join(name for name in _PROGRAMS if shutil.which(name) is None)


pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(missing()) and os.environ.get("CI") != "true", reason=f"not here: {missing()}"),
]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    place = tmp_path_factory.mktemp("scene")
    rules = place / "rules.yaml"
    rules.write_text(json.dumps({"groups": every_group(load(), Links())}))  # JSON is YAML
    with Scene(place, prometheus_config={"rule_files": [str(rules)]}) as made:
        yield made


def value(scene: Scene, query: str) -> float:
    answer = httpx.get(f"{scene.prometheus_url}/api/v1/query", params={"query": query}, trust_env=False)
    found = answer.raise_for_status().json()["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


@pytest.mark.parametrize("job", ["letta-server", "node", "redis", "postgres", "prometheus"])
def test_each_target_is_scraped(scene: Scene, job: str) -> None:
    eventually(lambda: value(scene, f'up{{job="{job}"}}') == 1)


@pytest.mark.parametrize(
    "query",
    [
        'sum(rate(http_server_request_duration_seconds_count{job="letta-server"}[5s]))',
        'sum(rate(letta_bridge_response_duration_seconds_count{letta_bridge_source="letta"}[5s]))',
        'sum(rate(letta_bridge_response_duration_seconds_count{letta_bridge_source="memory-python"}[5s]))',
        'sum(rate(otelcol_exporter_sent_metric_points_total{exporter="prometheus_remote_write/aom"}[20s]))',
        'sum(rate(pg_stat_database_xact_commit{datname="letta"}[5s]))',
        "sum(rate(redis_commands_processed_total[5s]))",
        "sum(rate(node_cpu_seconds_total[5s]))",
    ],
)
def test_each_part_has_something_to_do(scene: Scene, query: str) -> None:
    eventually(lambda: value(scene, query) > 0)


@pytest.mark.parametrize("slo", ["letta-message-latency", "letta-stream-first-token", "bridge-response-time"])
def test_an_objective_is_met_while_all_is_well(scene: Scene, slo: str) -> None:
    good, total = (f'slo:{kind}_events:rate5m{{slo="{slo}"}}' for kind in ("good", "total"))
    eventually(lambda: value(scene, f"{good} / {total}") > 0.9)


def test_nobody_is_paged_while_all_is_well(scene: Scene) -> None:
    assert value(scene, 'count(ALERTS{alertstate="firing",severity="page"})') == 0


def test_a_failing_letta_shows_at_its_own_metrics_and_at_the_bridge_s(scene: Scene) -> None:
    scene.faults.letta_fails()
    eventually(
        lambda: value(
            scene, 'sum(rate(http_server_request_duration_seconds_count{http_response_status_code="500"}[5s]))'
        )
    )
    eventually(lambda: value(scene, "sum(rate(letta_bridge_fallback_requests_total[5s]))"))
    scene.faults.heal()


def test_a_letta_that_is_down_opens_the_circuit_of_the_bridge_which_closes_again(scene: Scene) -> None:
    scene.faults.letta_is_down(4.0)
    eventually(lambda: value(scene, 'max(letta_bridge_circuit_open{letta_bridge_circuit="letta"})') == 1)
    eventually(lambda: value(scene, 'max(letta_bridge_circuit_open{letta_bridge_circuit="letta"})') == 0)


def test_a_refused_token_shows_at_the_collector(scene: Scene) -> None:
    scene.faults.cloud_fails("spans")
    eventually(
        lambda: value(scene, 'sum(rate(otelcol_exporter_send_failed_spans_total{exporter="otlp_grpc/apm"}[20s]))')
    )
    scene.faults.heal()


def test_a_bridge_that_died_is_started_again_by_healing(scene: Scene) -> None:
    scene.faults.bridge_dies()
    assert not scene.part("bridge").is_running
    scene.faults.heal()
    assert scene.part("bridge").is_running


def test_a_locked_table_shows_as_a_long_transaction(scene: Scene) -> None:
    scene.faults.database_is_locked(4.0)
    eventually(lambda: value(scene, 'max(pg_stat_activity_max_tx_duration{state="active"})') > 1)
