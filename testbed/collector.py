"""How is our collector started beside the testbed, killed, and started again on the same queue?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from testbed.ports import HOST, free_port
from testbed.process import Part, PartError, spawn, wait_until_ready

FOLDER = Path(__file__).parents[1] / "otel" / "collector"
_READY_TIMEOUT_S = 30.0
_STOP_GRACE_S = 20.0


def program() -> Path:
    """Return the collector that `make collector` builds. Raises PartError when it is not there."""
    built = Path(os.environ.get("LETTA_SLO_COLLECTOR") or FOLDER / "build" / "otelcol-letta")
    if not built.is_file():
        found = shutil.which("otelcol-letta")
        if found is None:
            raise PartError(f"no collector at {built}: `make collector` builds it (it needs Go 1.25 or newer)")
        built = Path(found)
    return built


class Collector:
    """`otelcol-letta` with some of the committed configurations, on free loopback ports.

    `configs` are names of files in `otel/collector/config`, `environ` what they ask for beside the ports and the folder
    of the queue, which is `storage`.
    """

    def __init__(
        self, log_dir: Path, configs: tuple[str | Path, ...], *, storage: Path, environ: Mapping[str, str]
    ) -> None:
        self._log_dir = log_dir
        self._configs = configs
        names = ("OTLP_GRPC_PORT", "OTLP_HTTP_PORT", "HEALTH_PORT", "SELF_METRICS_PORT", "TO_AOM_PORT")
        ports = {name: free_port() for name in names}
        self._environ = {**environ, "STORAGE_DIR": str(storage), **{name: str(port) for name, port in ports.items()}}
        self.grpc_endpoint = f"http://{HOST}:{ports['OTLP_GRPC_PORT']}"
        self.http_endpoint = f"http://{HOST}:{ports['OTLP_HTTP_PORT']}"
        self.metrics_url = f"http://{HOST}:{ports['SELF_METRICS_PORT']}/metrics"
        self._health_url = f"http://{HOST}:{ports['HEALTH_PORT']}/"
        self._part: Part | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the running collector."""
        return self._running.pid

    @property
    def log(self) -> Path:
        """What it said, over all its lives."""
        return self._running.log

    def start(self) -> None:
        """Start it, also again. Raises PartError, with the end of its log, when it is not healthy in time."""
        configs = [f"--config={one if isinstance(one, Path) else FOLDER / 'config' / one}" for one in self._configs]
        self._part = spawn("collector", [str(program()), *configs], log_dir=self._log_dir, env=self._environ)
        try:
            wait_until_ready(self._part, self._ask, timeout_s=_READY_TIMEOUT_S)
        except BaseException:
            self.stop()
            raise

    def kill(self) -> None:
        """End it as a crash does."""
        self._running.kill()

    def stop(self) -> None:
        """End it by SIGTERM."""
        if self._part is not None:
            self._part.stop(_STOP_GRACE_S)

    def self_metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric that it tells of itself, over the series with these labels; 0 without any."""
        text = httpx.get(self.metrics_url, timeout=5.0, trust_env=False).raise_for_status().text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith((f"{name}{{", f"{name} ")) and all(one in line for one in wanted)
        )

    @property
    def _running(self) -> Part:
        if self._part is None:
            raise PartError("the collector was not started")
        return self._part

    def _ask(self) -> bool | None:
        try:
            return True if httpx.get(self._health_url, timeout=2.0, trust_env=False).is_success else None
        except httpx.TransportError:
            return None
