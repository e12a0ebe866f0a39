"""How is a collector started before the doubles of Huawei Cloud and a real Prometheus behind AOM's door?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import yaml

from testbed.cloud.doubles import Doubles
from testbed.collector import FOLDER, Collector

GATEWAY: Final = ("gateway.yaml", "listed.yaml")
UNSAMPLED: Final = (*GATEWAY, "unsampled.yaml")
LOG_SCOPE: Final = "pipeline"


class Pipeline(Doubles):
    """Starts the doubles, and a collector with some of the committed configurations before them.

    `is_persistent` False takes the disk from under all queues. `environ` is given to the collector beside the account
    of the doubles. What it keeps is in `storage`, by default a folder in `place`.
    """

    def __init__(
        self,
        place: Path,
        *,
        configs: tuple[str | Path, ...] = UNSAMPLED,
        is_persistent: bool = True,
        storage: Path | None = None,
        environ: dict[str, str] | None = None,
        prometheus_config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(place / "logs", prometheus_config=prometheus_config)
        self._place = place
        self._configs = configs
        self._is_persistent = is_persistent
        self.storage = storage or place / "queue"
        self._environ = environ or {}

    def _start(self, opening: ExitStack) -> None:
        super()._start(opening)
        environ = {**self.account, "LOG_SCOPES": f"^{LOG_SCOPE}$", **self._environ}
        self.collector = opening.enter_context(
            Collector(self._logs, self._given_configs(), storage=self.storage, environ=environ)
        )

    def _given_configs(self) -> tuple[str | Path, ...]:
        if self._is_persistent:
            return self._configs
        gateway = yaml.safe_load((FOLDER / "config" / "gateway.yaml").read_text())
        for exporter in gateway["exporters"].values():
            exporter.get("sending_queue", {}).pop("storage", None)
        changed = self._place / "gateway-in-memory.yaml"
        changed.write_text(yaml.safe_dump(gateway))
        return tuple(changed if one == "gateway.yaml" else one for one in self._configs)
