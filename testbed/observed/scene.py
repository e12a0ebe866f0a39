"""How does everything that dashboards and alerts look at run on one machine, healthy and with faults on request?

load ── Letta stub ── LLM stub ── (real Letta with PostgreSQL, on request) ── load
  └──── Redis ── reference bridge ── memory-python stand-in
OTLP of bridge and Letta ─▶ our collector ─▶ double of AOM ─▶ Prometheus ◀─ scrapes ─ exporters, the stub's /metrics
Redis, PostgreSQL, the exporters, the collector and Prometheus are the real ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from testbed.embedded import EmbeddedTestbed
from testbed.observed.database import ObservedDatabase
from testbed.observed.exporters import start_node_exporter, start_postgres_exporter, start_redis_exporter
from testbed.observed.faults import Faults
from testbed.pipeline.rig import UNSAMPLED, Pipeline
from testbed.process import Part, python_part, start
from testbed.real_letta.server import RealLetta
from testbed.real_letta.telemetry import with_addon

_OWN_LOGS: Final = "^(letta_otel|testbed[.]bridge)"
_TARGETS: Final = "targets.json"
_REAL_REQUESTS_A_S: Final = 1.5  # a message of a real Letta takes about 0.3 s of a processor


class Scene:
    """Started on entry, stopped on exit; each part dies with this process at the latest.

    `prometheus_config` is more of the Prometheus' own configuration, such as `rule_files`, `alerting`, or `global` with
    its `evaluation_interval`. Everything is scraped and pushed every `interval_s`. With a real Letta, which takes a
    minute to start, the metrics of its add-on are there, too; the bridge stays before the stub, whose faults one can
    choose, and the exporter of PostgreSQL looks at Letta's own in the place of one that pgbench works at.
    """

    def __init__(
        self,
        place: Path,
        *,
        prometheus_config: Mapping[str, Any] | None = None,
        interval_s: float = 1.0,
        requests_a_s: float = 4.0,
        with_real_letta: bool = False,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._place = place
        self._logs = place / "logs"
        self._config = dict(prometheus_config or {})
        self._interval_s = interval_s
        self._requests_a_s = requests_a_s
        self._with_real_letta = with_real_letta
        self._say = say
        self._open = ExitStack()
        self._real_letta: RealLetta | None = None

    def __enter__(self) -> Self:
        """Start everything. Raises PartError, with the end of the log, naming the part that did not start."""
        with ExitStack() as opening:
            self._start(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def prometheus_url(self) -> str:
        """Address of the Prometheus that has everything."""
        return self.pipeline.prometheus.url

    @property
    def real_letta(self) -> RealLetta:
        """The real Letta of a scene that was asked for one."""
        if self._real_letta is None:
            raise RuntimeError("this scene was started without a real Letta")
        return self._real_letta

    def part(self, name: str) -> Part:
        """Return one of the parts `llm-stub`, `letta-stub`, `memory-python` and `bridge`."""
        return self.bed.part(name)

    def _start(self, opening: ExitStack) -> None:
        self._place.mkdir(parents=True, exist_ok=True)
        self._say("starting the collector, doubles of Huawei Cloud and a Prometheus")
        environ = {"LOG_SCOPES": _OWN_LOGS}
        config = self._prometheus_config()
        self.pipeline = opening.enter_context(
            Pipeline(self._place, configs=UNSAMPLED, environ=environ, prometheus_config=config)
        )
        self.bed = opening.enter_context(
            EmbeddedTestbed(
                self._logs,
                agent_tag="observed",
                bridge_variables=self._telemetry(self.pipeline.collector.http_endpoint),
                say=lambda part: self._say(f"starting {part}"),
            )
        )
        database_uri = self._start_letta(opening) if self._with_real_letta else self._start_database(opening)
        self._say("starting exporters and load")
        self._scrape(
            {
                "letta-server": urlsplit(self.bed.letta_control).netloc,
                "node": start_node_exporter(opening, self._logs),
                "redis": start_redis_exporter(opening, self._logs, self.bed.redis.url),
                "postgres": start_postgres_exporter(opening, self._logs, database_uri),
                "prometheus": urlsplit(self.prometheus_url).netloc,
            }
        )
        options = ["--letta", self.bed.letta_url, "--redis-port", str(self.bed.redis.port)]
        self._drive(opening, "load", [*options, "--requests-a-s", f"{self._requests_a_s:g}"])
        self.faults = opening.enter_context(Faults(self.bed, self.pipeline))

    def _start_database(self, opening: ExitStack) -> str:
        self._say("starting PostgreSQL")
        return opening.enter_context(ObservedDatabase(self._logs)).uri

    def _start_letta(self, opening: ExitStack) -> str:
        llm_url = str(self.part("llm-stub").announced["url"])
        grpc = self.pipeline.collector.grpc_endpoint
        settings = {**with_addon(grpc), **self._often()}
        letta = RealLetta(llm_url, log_dir=self._logs, progress=self._say, settings=settings)
        self._real_letta = opening.enter_context(letta)
        options = ["--letta", letta.url, "--model", letta.models[0], "--agents", "1"]
        self._drive(opening, "load-real", [*options, "--requests-a-s", f"{_REAL_REQUESTS_A_S:g}"])
        return letta.database_uri

    def _drive(self, opening: ExitStack, name: str, options: list[str]) -> None:
        opening.enter_context(start(name, python_part("testbed.observed.load", *options), log_dir=self._logs))

    def _telemetry(self, endpoint: str) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **self._often()}

    def _often(self) -> dict[str, str]:
        return {"OTEL_METRIC_EXPORT_INTERVAL": f"{self._interval_s * 1000:.0f}"}

    def _prometheus_config(self) -> dict[str, Any]:
        every = f"{self._interval_s * 1000:.0f}ms"
        times = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
        # The targets are known when what is scraped has started, which is after the Prometheus.
        found = {"files": [str(self._place / _TARGETS)], "refresh_interval": "1s"}
        return {
            **self._config,
            "global": {**times, **self._config.get("global", {})},
            "scrape_configs": [
                {"job_name": "scene", "file_sd_configs": [found]},
                *self._config.get("scrape_configs", []),
            ],
        }

    def _scrape(self, jobs: Mapping[str, str]) -> None:
        groups = [{"targets": [address], "labels": {"job": job}} for job, address in jobs.items()]
        file = self._place / _TARGETS
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(groups))
        unfinished.rename(file)
