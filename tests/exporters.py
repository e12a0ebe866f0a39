"""Write `alerts/lint/exporters.yaml` again: which series do the exporters beside Letta and the bridge have?

    .venv/bin/python tests/exporters.py

Starts the observed scene (the Debian packages of `tests/real-parts`, the built collector) and asks its Prometheus.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from testbed.observed.scene import Scene

FILE = Path(__file__).parents[1] / "alerts" / "lint" / "exporters.yaml"
HEADER = (
    "# Written by `tests/exporters.py`, do not edit: names, kinds and labels of the series that these had:\n"
    "# prometheus-node-exporter, -redis-exporter, -postgres-exporter of Debian 12, Prometheus 2.42, our collector.\n"
)
JOBS = {"node": "node_.*", "redis": "redis_.*", "postgres": "pg_.*", "prometheus": "prometheus_.*"}
OF_TARGET = {"__name__", "job", "instance", "service_name", "service_instance_id", "service_version"}
# A collector has these from its first failure on.
OF_FAILURES = {
    **{
        f"otelcol_exporter_{what}_failed_{items}_total": ["counter", "exporter", "otel_scope_name"]
        for what in ("send", "enqueue")
        for items in ("spans", "metric_points", "log_records")
    },
    "otelcol_receiver_refused_log_records_total": ["counter", "otel_scope_name", "receiver", "transport"],
}
# A collector has these from the first log on; the scene sends none.
OF_LOGS = {
    "otelcol_receiver_accepted_log_records_total": ["counter", "otel_scope_name", "receiver", "transport"],
    "otelcol_exporter_sent_log_records_total": [
        "counter", "exporter", "otel_scope_name", "server_address", "server_port",
    ],
    "otelcol_lts_records_sent_total": ["counter", "otel_scope_name"],
    "otelcol_lts_records_not_sent_total": ["counter", "otel_scope_name", "reason"],
    "otelcol_lts_requests_refused_total": ["counter", "http_response_status_code", "otel_scope_name"],
}  # fmt: skip
# A Prometheus has this from its first rule on.
OF_RULES = {"prometheus_rule_evaluation_failures_total": ["counter", "rule_group"]}
# Of exporters that do not run in the scene, only what the rules read; from their own documentation.
BY_HAND: dict[str, dict[str, list[str]]] = {
    "alertmanager": {
        "alertmanager_notifications_failed_total": ["counter", "integration", "reason", "receiver_name"],
        "alertmanager_notifications_total": ["counter", "integration", "receiver_name"],
    },
    "blackbox": {"probe_ssl_earliest_cert_expiry": ["gauge"], "probe_success": ["gauge"]},
    "process": {
        "process_cpu_seconds_total": ["counter"],
        "process_resident_memory_bytes": ["gauge"],
        "process_start_time_seconds": ["gauge"],
        "process_open_fds": ["gauge"],
        "process_max_fds": ["gauge"],
    },
}


def series_of(url: str, pattern: str) -> dict[str, list[str]]:
    """Return kind and labels of each series whose name matches, labels of the target apart."""
    found = httpx.get(f"{url}/api/v1/series", params={"match[]": f'{{__name__=~"{pattern}"}}'}, timeout=30.0).json()
    kinds = httpx.get(f"{url}/api/v1/metadata", timeout=30.0).json()["data"]
    labels: dict[str, set[str]] = {}
    for one in found["data"]:
        labels.setdefault(one["__name__"], set()).update(set(one) - OF_TARGET)
    return {name: [kind(name, kinds), *sorted(labels[name])] for name in sorted(labels)}


def kind(name: str, kinds: dict[str, Any]) -> str:
    if name.endswith(("_total", "_bucket", "_count", "_sum")) and name not in kinds:
        return "counter"
    told = str(kinds.get(name, [{"type": "gauge"}])[0]["type"])
    return told if told in {"counter", "gauge"} else "unknown"


def main() -> int:
    with tempfile.TemporaryDirectory() as place, Scene(Path(place)) as scene:
        time.sleep(30)  # no test: until all have been scraped, and the collector has told of itself
        made: dict[str, Any] = {
            job: {"series": series_of(scene.prometheus_url, pattern)} for job, pattern in JOBS.items()
        }
        collector = OF_FAILURES | OF_LOGS | series_of(scene.prometheus_url, "otelcol_.*")
    made["prometheus"]["series"] |= OF_RULES
    made["collector"] = {"without_total_when_scraped": True, "series": dict(sorted(collector.items()))}
    made |= {name: {"series": series} for name, series in BY_HAND.items()}
    FILE.write_text(
        HEADER + yaml.safe_dump({"exporters": made}, default_flow_style=None, sort_keys=False, width=10_000)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
