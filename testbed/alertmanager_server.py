"""How is a real Alertmanager started beside the testbed, and how is it told of alerts?"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from testbed.process import Part, PartError, spawn, wait_until_ready
from testbed.prometheus_server import HOST

_READY_TIMEOUT_S = 30.0
_PROGRAMS = ("prometheus-alertmanager", "alertmanager")  # as Debian calls it, as the project does


def program() -> str | None:
    """Return the path of the Alertmanager on PATH, None when there is none."""
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


class AlertmanagerServer:
    """The Alertmanager on PATH, alone, on a free loopback port, with its data in a directory that goes with it."""

    def __init__(self, log_dir: Path, config: Path) -> None:
        """`config` is the file that it reads; templates stand beside it."""
        self._log_dir = log_dir
        self._config = config
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

    def fire(self, *alerts: Mapping[str, Any]) -> None:
        """Tell it that alerts fire; each has labels and annotations, and may have startsAt."""
        now = datetime.now(UTC)
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
        self._post({**times, **alert} for alert in alerts)

    def resolve(self, *alerts: Mapping[str, Any]) -> None:
        """Tell it that alerts have ended now."""
        ends = datetime.now(UTC).isoformat()
        self._post({**alert, "endsAt": ends} for alert in alerts)

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it knows, as its API has them."""
        return list(httpx.get(f"{self.url}/api/v2/alerts", timeout=10.0, trust_env=False).raise_for_status().json())

    def metrics(self) -> str:
        """Return what it counts about itself."""
        return httpx.get(f"{self.url}/metrics", timeout=10.0, trust_env=False).raise_for_status().text

    def _post(self, alerts: Iterable[Mapping[str, Any]]) -> None:
        httpx.post(f"{self.url}/api/v2/alerts", json=list(alerts), timeout=10.0, trust_env=False).raise_for_status()

    def _start(self) -> None:
        found = program()
        if found is None:
            raise PartError(
                f"no Alertmanager: neither {' nor '.join(_PROGRAMS)} is on PATH (Debian: prometheus-alertmanager)"
            )
        self._scratch = Path(tempfile.mkdtemp(prefix="letta-slo-alertmanager-"))
        with socket.create_server((HOST, 0)) as probe:
            address = f"{HOST}:{probe.getsockname()[1]}"
        flags = [f"--config.file={self._config}", f"--storage.path={self._scratch}", f"--web.listen-address={address}"]
        alone = "--cluster.listen-address="
        self._part = spawn("alertmanager", [found, *flags, alone, "--log.level=debug"], log_dir=self._log_dir)
        self.url = f"http://{address}"
        wait_until_ready(self._part, self._ask, timeout_s=_READY_TIMEOUT_S)

    def _ask(self) -> bool | None:
        try:
            return True if httpx.get(f"{self.url}/-/ready", timeout=2.0, trust_env=False).is_success else None
        except httpx.TransportError:
            return None

    def _stop(self) -> None:
        if self._part is not None:
            self._part.stop()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
