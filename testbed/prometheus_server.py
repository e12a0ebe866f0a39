"""How is a real Prometheus started beside the testbed, scraping what it is told to?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.own_server import OwnServer
from testbed.process import PartError


class PrometheusServer(OwnServer):
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
        super().__init__("prometheus", log_dir)
        self._blocks = blocks
        self._more = config or {}
        self._flags = flags
        self._jobs = jobs
        self._interval_ms = round(interval_s * 1000)

    def _command(self, scratch: Path, address: str) -> list[str]:
        program = shutil.which("prometheus")
        if program is None:
            raise PartError("no Prometheus: `prometheus` is not on PATH (Debian: apt-get install prometheus)")
        if self._blocks is not None:
            shutil.copytree(self._blocks, scratch / "data")
        config = scratch / "prometheus.yml"
        config.write_text(json.dumps(self._config()))  # JSON is YAML
        places = [f"--config.file={config}", f"--storage.tsdb.path={scratch / 'data'}"]
        return [program, *places, f"--web.listen-address={address}", *self._flags]

    def _config(self) -> dict[str, object]:
        jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in self._jobs.items()]
        times = {"scrape_interval": f"{self._interval_ms}ms", "scrape_timeout": f"{self._interval_ms}ms"}
        return {"global": times, "scrape_configs": jobs, **self._more}
