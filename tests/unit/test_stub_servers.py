"""With a number of servers the stub works on so many requests at once, and the others wait in line."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.process import Part, python_part, start

SERVICE_S = 0.05
_SLACK_S = 0.002  # a timer may fire by the resolution of its clock too early


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    logs: Path = tmp_path_factory.mktemp("logs")
    with start("letta-stub", python_part("testbed.letta_stub"), log_dir=logs) as part:
        yield part


def ledger_of(stub: Part, *, servers: int, requests: int) -> dict[str, list[float]]:
    """Send requests at once and return when each arrived and was completed, in seconds from the first arrival."""
    control, main = str(stub.announced["control"]), str(stub.announced["url"])
    behaviour = {"service_times": {"health": {"constant_ms": SERVICE_S * 1000}}, "settings": {"servers": servers}}
    httpx.put(f"{control}/behaviour", json=behaviour).raise_for_status()
    httpx.delete(f"{control}/ledger").raise_for_status()
    with ThreadPoolExecutor(requests) as pool:
        answers = list(pool.map(lambda _: httpx.get(f"{main}/v1/health/", timeout=20).status_code, range(requests)))
    assert answers == [200] * requests
    columns: dict[str, Any] = httpx.get(f"{control}/ledger").json()["columns"]
    first_ns = min(columns["arrival_ns"])
    return {key: [(at - first_ns) / 1e9 for at in columns[f"{key}_ns"]] for key in ("arrival", "completion")}


def test_no_more_than_that_many_are_answered_in_one_service_time(stub: Part) -> None:
    seen = ledger_of(stub, servers=2, requests=8)
    completed = sorted(seen["completion"])
    assert [at >= SERVICE_S * (place // 2 + 1) - _SLACK_S for place, at in enumerate(completed)] == [True] * 8


def test_requests_are_answered_in_the_order_of_their_arrival(stub: Part) -> None:
    seen = ledger_of(stub, servers=1, requests=6)
    assert seen["arrival"] == sorted(seen["arrival"])
    assert seen["completion"] == sorted(seen["completion"])


def test_without_a_number_nobody_waits_for_another(stub: Part) -> None:
    """One server would need eight service times; that all are answered is all that is asked of a slow machine."""
    ledger_of(stub, servers=0, requests=8)


def test_a_number_of_servers_below_zero_is_refused(stub: Part) -> None:
    told = httpx.patch(f"{stub.announced['control']}/behaviour", json={"settings": {"servers": -1}})
    assert told.status_code == 400
