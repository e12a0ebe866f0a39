"""`letta-slo probe`: a quiet service gets an indicator, a fault shows in it, and nothing is left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from letta_slo import exit_codes
from testbed.embedded import EmbeddedTestbed
from testbed.ports import free_port
from testbed.prometheus_server import PrometheusServer
from tests.processes import eventually

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTestbed]:
    with EmbeddedTestbed(tmp_path_factory.mktemp("parts"), agent_tag="letta-slo-run-probed") as bed:
        yield bed


@contextmanager
def probing(bed: EmbeddedTestbed, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Probe the testbed once a second; yields the process and the address of its metrics."""
    port = free_port()
    command = [COMMAND, "probe", "--letta-url", bed.letta_url, "--redis-url", bed.redis.url, "--every", "1"]
    with subprocess.Popen(
        [*command, "--port", str(port), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            address = f"127.0.0.1:{port}"
            eventually(lambda: events(address, "letta-message-latency") > 0)
            yield process, address
        finally:
            process.kill()


def events(address: str, objective: str, name: str = "events") -> int:
    try:
        text = httpx.get(f"http://{address}/metrics", timeout=2).text
    except httpx.TransportError:
        return 0
    found = re.search(rf'^letta_slo_probe_{name}_total{{objective="{objective}"}} (\d+)', text, re.MULTILINE)
    return int(found[1]) if found else 0


def good(address: str, objective: str) -> int:
    return events(address, objective, "good")


def agents(bed: EmbeddedTestbed) -> list[str]:
    found = httpx.get(f"{bed.letta_url}/v1/agents/?limit=100", timeout=5).json()
    return [agent["name"] for agent in found if "-probe" in agent["name"]]


def test_an_outage_is_bad_for_letta_and_the_bridge_falls_back_and_both_recover(bed: EmbeddedTestbed) -> None:
    with probing(bed) as (process, address):
        eventually(lambda: events(address, "letta-message-latency") >= 3)
        assert good(address, "letta-message-latency") == events(address, "letta-message-latency")
        bed.take_letta_down(4.0)
        eventually(lambda: events(address, "letta-message-latency") - good(address, "letta-message-latency") >= 3)
        eventually(lambda: events(address, "bridge-answered-by-letta") > good(address, "bridge-answered-by-letta"))
        bad = events(address, "letta-message-latency") - good(address, "letta-message-latency")
        before = good(address, "letta-message-latency")
        eventually(lambda: good(address, "letta-message-latency") >= before + 3)  # it came back
        assert events(address, "bridge-success") - good(address, "bridge-success") <= 1
        assert agents(bed)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "message: bad, ConnectError" in output
    assert int(re.search(r"message: \d+ sent, \d+ not sent in time, (\d+) bad", output)[1]) >= bad  # type: ignore[index]  # the assertion is the match
    assert re.search(r"[1-9][\d,]* tokens in and [1-9][\d,]* out", output)
    assert agents(bed) == []


def test_a_hanging_letta_makes_every_due_probe_bad(bed: EmbeddedTestbed) -> None:
    hanging = {"faults": [{"operation": "messages", "kind": "hang", "delay_s": 3, "share": 1.0}]}
    with probing(bed, "--timeout", "10") as (process, address):
        before = events(address, "letta-message-latency")
        httpx.patch(f"{bed.letta_control}/behaviour", json=hanging, timeout=5).raise_for_status()
        eventually(lambda: events(address, "letta-message-latency") - good(address, "letta-message-latency") >= 3)
        httpx.patch(f"{bed.letta_control}/behaviour", json={"faults": []}, timeout=5).raise_for_status()
        assert events(address, "letta-message-latency") > before
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert "not sent: the probe before it had no answer yet" in output


def test_an_agent_with_a_long_history_is_replaced(bed: EmbeddedTestbed) -> None:
    with probing(bed, "--renew-after", "2", "--for", "15") as (process, address):
        first = agents(bed)
        eventually(lambda: events(address, "letta-message-latency") >= 5)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert len(first) == 1
    assert " 0 bad" in output


def test_wrong_usage_and_an_absent_target_have_their_codes() -> None:
    nothing = subprocess.run([COMMAND, "probe"], capture_output=True, text=True, check=False)
    assert nothing.returncode == exit_codes.USAGE
    assert "--letta-url" in nothing.stderr
    absent = subprocess.run(
        [COMMAND, "probe", "--letta-url", "http://127.0.0.1:1"], capture_output=True, text=True, check=False
    )
    assert absent.returncode == exit_codes.TARGET_UNREACHABLE


@pytest.mark.real
@pytest.mark.skipif(
    shutil.which("prometheus") is None and os.environ.get("CI") != "true", reason="no Prometheus on this machine"
)
def test_production_can_be_judged_by_what_a_probe_counted(bed: EmbeddedTestbed, tmp_path: Path) -> None:
    with probing(bed) as (_process, address), PrometheusServer(tmp_path, {"letta-probe": address}) as prometheus:
        from_s = time.time()
        eventually(lambda: events(address, "bridge-success") >= 8)
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(from_s))
        command = [COMMAND, "gate", "--prometheus", prometheus.url, "--from", when, "--probe"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == exit_codes.INCONCLUSIVE, done.stdout + done.stderr  # a few probes prove nothing
    assert re.search(r"bridge-success +inconclusive +0 of [1-9]", done.stdout)
