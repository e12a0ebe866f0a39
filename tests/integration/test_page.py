"""From a server that fails to a phone and back: real Prometheus, our rules sixty times faster, real Alertmanager."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from alerts.links import Links
from alerts.rules import groups
from slo.catalog import load
from testbed.notification.stand_ins import StandIns
from testbed.ports import free_port
from testbed.process import Part, python_part, start
from testbed.prometheus_server import PrometheusServer
from tests.notification_rig import needs_alertmanager, rig, settings
from tests.processes import eventually
from tests.scaled import FASTER, faster

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None and os.environ.get("CI") != "true", reason="prometheus is not on PATH"
)
pytestmark = [needs_alertmanager, needs_prometheus, pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(240)]
CHANNELS = ("dingtalk", "wecom", "smn", "email")
OBJECTIVE = "letta-api-availability"
LINKS = Links("https://runbooks.example", "https://grafana.example")


def rules() -> list[dict[str, Any]]:
    whole = load()
    watched = replace(whole, objectives=tuple(one for one in whole.objectives if one.name == OBJECTIVE))
    return faster(groups(watched, LINKS))


@contextmanager
def users(url: str) -> Iterator[None]:
    """Somebody asks the server twenty times a second."""
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=5.0, trust_env=False) as client:
            while not stop.wait(1 / 20):
                client.get("/v1/agents/")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def break_down(stub: Part, share: float) -> None:
    faults = [{"operation": "*", "kind": "status", "status": 500, "share": share}] if share else []
    answer = httpx.patch(f"{stub.announced['control']}/behaviour", json={"faults": faults}, trust_env=False)
    answer.raise_for_status()


def value(prometheus: PrometheusServer, query: str) -> float:
    answer = httpx.get(f"{prometheus.url}/api/v1/query", params={"query": query}, timeout=5.0, trust_env=False)
    found = answer.raise_for_status().json()["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


def watch(tmp_path: Path, stub: Part, alertmanager_url: str) -> PrometheusServer:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": rules()}))
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(file)],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [alertmanager_url.removeprefix("http://")]}]}],
        },
    }
    target = str(stub.announced["control"]).removeprefix("http://")
    return PrometheusServer(tmp_path, {"letta-server": target}, config=config)


def test_when_the_testbed_fails_a_page_reaches_four_channels_and_its_end_does_after_recovery(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()

    def note(step: str) -> None:
        record_property(step, f"{time.monotonic() - began:.1f} s")

    def told(stand_ins: StandIns, word: str) -> list[dict[str, Any]]:
        found = stand_ins.messages()
        return [one for one in found if word in one["text"] + one.get("title", "")]

    def reached(stand_ins: StandIns, word: str) -> bool:
        return {one["channel"] for one in told(stand_ins, word)} >= set(CHANNELS)

    with StandIns(tmp_path / "stand-ins") as stand_ins:
        given = settings(stand_ins, tmp_path, free_port())
        with (
            rig(given, tmp_path) as rigged,
            start("letta-stub", python_part("testbed.letta_stub"), log_dir=tmp_path) as stub,
            watch(tmp_path, stub, rigged.alertmanager.url) as prometheus,
            users(str(stub.announced["url"])),
        ):
            eventually(lambda: value(prometheus, "slo:total_events:rate1h") > 5)
            assert not stand_ins.messages()
            began = time.monotonic()
            break_down(stub, 1.0)
            eventually(lambda: value(prometheus, 'ALERTS{severity="page",alertstate="firing"}') == 1)
            note("page fires in Prometheus after the first failure")
            eventually(lambda: reached(stand_ins, "PAGE"))
            note("page reached all four channels after the first failure")
            for one in told(stand_ins, "PAGE"):
                for needed in ("Letta API availability", "what is left of the budget", "First: ", "error-budget-burn"):
                    assert needed in one["text"], one
                assert "(not known)" not in one["text"] and "%!" not in one["text"]
            break_down(stub, 0.0)
            began = time.monotonic()
            eventually(lambda: value(prometheus, 'ALERTS{severity="page",alertstate="firing"}') == 0, 90)
            note("page ends in Prometheus after recovery")
            eventually(lambda: reached(stand_ins, "RESOLVED"))
            note("its end reached all four channels after recovery")
            eventually(lambda: told(stand_ins, "TICKET"))  # what the page kept silent still burns over a day
            for word in ("PAGE", "RESOLVED"):
                assert sorted(one["channel"] for one in told(stand_ins, word)) == sorted(CHANNELS)


def test_the_faster_rules_differ_in_times_alone() -> None:
    assert FASTER == 60
    for slow, fast in zip(groups(load(), LINKS)[0]["rules"], faster(groups(load(), LINKS))[0]["rules"], strict=True):
        assert slow.get("labels") == fast.get("labels") and slow.get("record") == fast.get("record")
    text = yaml.safe_dump(rules())
    for gone in ("[5m]", "[1h]", "[28d]", "* 3600", "* 300\n", "for: 10m", "* 2419200"):
        assert gone not in text, gone
    for there in ("[5s]", "[60s]", "* 60", "for: 10s"):
        assert there in text, there
