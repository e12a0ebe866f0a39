"""A latency objective by native histograms, in a real Prometheus: the same share as was put in."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from alerts.counting import Histograms, counted
from slo.catalog import load
from testbed.prometheus_server import PrometheusServer
from tests.exporter import Exporter
from tests.native import CONTENT_TYPE, histogram
from tests.promtool import needs_promtool

pytestmark = [needs_promtool, pytest.mark.real]
IN_TIME, LATE = 1.5, 3.0


def test_good_and_total_have_the_share_that_was_put_in(tmp_path: Path) -> None:
    (one,) = [one for one in load().objectives if one.name == "bridge-response-time"]
    asked = replace(one, good_query='duration_seconds_bucket{le="2"}', total_query="duration_seconds_count")
    values: list[float] = []

    def exposition() -> bytes:
        values.extend([IN_TIME, IN_TIME, IN_TIME, LATE])
        return histogram("duration_seconds", {}, values)

    window = timedelta(seconds=10)
    good, total = (
        counted(asked, query or "", window, Histograms.NATIVE) for query in (asked.good_query, asked.total_query)
    )
    with (
        Exporter(exposition, content_type=CONTENT_TYPE) as exporter,
        PrometheusServer(
            tmp_path, {"j": exporter.address}, interval_s=0.5, flags=["--enable-feature=native-histograms"]
        ) as server,
    ):
        exporter.wait_for_scrapes(6)
        until = time.monotonic() + 20
        found = None
        while found is None and time.monotonic() < until:
            answer = httpx.get(f"{server.url}/api/v1/query", params={"query": f"({good}) / ({total})"}).json()
            found = next((float(each["value"][1]) for each in answer["data"]["result"]), None)
    assert found == pytest.approx(0.75, abs=1e-9)
