"""How is a real Prometheus started beside the testbed, scraping what it is told to?"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from testbed.process import Part, PartError, spawn, wait_until_ready

HOST = "127.0.0.1"
_READY_TIMEOUT_S = 30.0


class PrometheusServer:
    """The `prometheus` on PATH, on a free loopback port, with its data in a directory that goes with it."""

    def __init__(
        self,
        log_dir: Path,
        jobs: Mapping[str, str],
        *,
        interval_s: float = 1.0,
        flags: Sequence[str] = (),
        config: Mapping[str, object] | None = None,
        blocks: Path | None = None,
    ) -> None:
        """`jobs` gives the host:port to scrape at /metrics for each; `flags` and `config` are more of its own.

        `blocks` are what it holds at the start, as promtool writes them.
        """
        self._blocks = blocks
        self._more = config or {}
        self._flags = flags
        self._log_dir = log_dir
        self._jobs = jobs
        self._interval_ms = round(interval_s * 1000)
        self._scratch: Path | None = None
        self._part: Part | None = None
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise PartError("no Prometheus: `prometheus` is not on PATH (Debian: apt-get install prometheus)")
        self._scratch = Path(tempfile.mkdtemp(prefix="letta-slo-prometheus-"))
        if self._blocks is not None:
            shutil.copytree(self._blocks, self._scratch / "data")
        config = self._scratch / "prometheus.yml"
        config.write_text(json.dumps(self._config()))  # JSON is YAML
        with socket.create_server((HOST, 0)) as probe:
            address = f"{HOST}:{probe.getsockname()[1]}"
        command = [program, f"--config.file={config}", f"--storage.tsdb.path={self._scratch / 'data'}"]
        self._part = spawn(
            "prometheus", [*command, f"--web.listen-address={address}", *self._flags], log_dir=self._log_dir
        )
        self.url = f"http://{address}"
        wait_until_ready(self._part, self._ask, timeout_s=_READY_TIMEOUT_S)

    def _config(self) -> dict[str, object]:
        jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in self._jobs.items()]
        times = {"scrape_interval": f"{self._interval_ms}ms", "scrape_timeout": f"{self._interval_ms}ms"}
        return {"global": times, "scrape_configs": jobs, **self._more}

    def _ask(self) -> bool | None:
        try:
            return True if httpx.get(f"{self.url}/-/ready", timeout=2.0).is_success else None
        except httpx.TransportError:
            return None

    def _stop(self) -> None:
        if self._part is not None:
            self._part.stop()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
