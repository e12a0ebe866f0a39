"""How is a real Alertmanager started beside the testbed, and how is it told of alerts?"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from testbed.own_server import OwnServer
from testbed.process import PartError

_PROGRAMS = ("prometheus-alertmanager", "alertmanager")  # as Debian calls it, as the project does


def program() -> str | None:
    """Return the path of the Alertmanager on PATH, None when there is none."""
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


class AlertmanagerServer(OwnServer):
    """The Alertmanager on PATH, alone, on a free loopback port, with its data in a directory that goes with it."""

    def __init__(self, log_dir: Path, config: Path) -> None:
        """`config` is the file that it reads; templates stand beside it."""
        super().__init__("alertmanager", log_dir)
        self._config = config

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

    def _command(self, scratch: Path, address: str) -> list[str]:
        found = program()
        if found is None:
            raise PartError(
                f"no Alertmanager: neither {' nor '.join(_PROGRAMS)} is on PATH (Debian: prometheus-alertmanager)"
            )
        alone = "--cluster.listen-address="
        places = [f"--config.file={self._config}", f"--storage.path={scratch}", f"--web.listen-address={address}"]
        return [found, *places, alone, "--log.level=debug"]
