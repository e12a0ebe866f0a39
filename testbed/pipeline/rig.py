"""How is a collector started before the doubles of Huawei Cloud and a real Prometheus behind AOM's door?"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import yaml

from testbed.cloud.accounts import ACCOUNT
from testbed.collector import FOLDER, Collector
from testbed.process import Part, python_part, start
from testbed.prometheus_server import PrometheusServer

GATEWAY: Final = ("gateway.yaml", "listed.yaml")
UNSAMPLED: Final = (*GATEWAY, "unsampled.yaml")
LOG_SCOPE: Final = "pipeline"
_PROMETHEUS: Final = {"storage": {"tsdb": {"out_of_order_time_window": "30m"}}}  # after a crash the oldest come last


class Pipeline:
    """Starts the doubles, a Prometheus, and a collector with some of the committed configurations.

    `is_persistent` False takes the disk from under all queues. `environ` is given to the collector beside the account
    of the doubles. What it keeps is in `storage`, by default
    a folder in `place`.
    """

    def __init__(
        self,
        place: Path,
        *,
        configs: tuple[str, ...] = UNSAMPLED,
        is_persistent: bool = True,
        storage: Path | None = None,
        environ: dict[str, str] | None = None,
    ) -> None:
        self._place = place
        self._configs: tuple[str | Path, ...] = configs
        self._is_persistent = is_persistent
        self.storage = storage or place / "queue"
        self._environ = environ or {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            logs = self._place / "logs"
            flags = ("--web.enable-remote-write-receiver",)
            self.prometheus = opening.enter_context(PrometheusServer(logs, {}, flags=flags, config=_PROMETHEUS))
            command = python_part("testbed.cloud", "--prometheus", self.prometheus.url)
            self.cloud: Part = opening.enter_context(start("cloud", command, log_dir=logs))
            control = str(self.cloud.announced["control"])
            self._control = opening.enter_context(httpx.Client(base_url=control, timeout=30.0, trust_env=False))
            environ = {**self._account(), **self._environ}
            self.collector = opening.enter_context(
                Collector(logs, self._given_configs(), storage=self.storage, environ=environ)
            )
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def fail(self, **fault: Any) -> None:
        """Let backends fail on purpose: `operation` is spans, lines, samples, or `*` for all."""
        self._control.put("/behaviour", json={"faults": [{"operation": "*", "share": 1.0, **fault}]}).raise_for_status()

    def heal(self) -> None:
        """Let all backends be well."""
        self._control.put("/behaviour", json={}).raise_for_status()

    def keep_texts(self) -> None:
        """Have all that arrives kept whole, not its ids alone."""
        self._control.put("/behaviour", json={"settings": {"keep_texts": 1}}).raise_for_status()

    def kept(self) -> dict[str, Any]:
        """Return what the doubles acknowledged."""
        found: dict[str, Any] = self._control.get("/kept").raise_for_status().json()
        return found

    def samples(self, selector: str) -> list[tuple[float, float]]:
        """Return the samples (time in s, value) of all series that a selector finds, as Prometheus has them."""
        asked = {"query": f"{selector}[2h]"}
        answer = httpx.get(f"{self.prometheus.url}/api/v1/query", params=asked, timeout=60.0, trust_env=False)
        found = answer.raise_for_status().json()["data"]["result"]
        return [(float(at), float(value)) for series in found for at, value in series["values"]]

    def _account(self) -> dict[str, str]:
        url = str(self.cloud.announced["url"])
        return {
            "APM_ENDPOINT": str(self.cloud.announced["apm"]).removeprefix("http://"),
            "APM_TOKEN": ACCOUNT.apm_token,
            "AOM_REMOTE_WRITE_URL": f"{url}/v1/{ACCOUNT.project_id}/push",
            "AOM_ACCESS_CODE": ACCOUNT.aom_access_code,
            "LTS_ENDPOINT": url,
            "HUAWEI_PROJECT_ID": ACCOUNT.project_id,
            "LTS_GROUP_ID": ACCOUNT.log_group_id,
            "LTS_STREAM_ID": ACCOUNT.log_stream_id,
            "IAM_ENDPOINT": url,
            "IAM_DOMAIN": ACCOUNT.domain,
            "IAM_PROJECT": ACCOUNT.project,
            "IAM_USER": ACCOUNT.user,
            "IAM_PASSWORD": ACCOUNT.password,
            "LOG_SCOPES": f"^{LOG_SCOPE}$",
        }

    def _given_configs(self) -> tuple[str | Path, ...]:
        if self._is_persistent:
            return self._configs
        gateway = yaml.safe_load((FOLDER / "config" / "gateway.yaml").read_text())
        for exporter in gateway["exporters"].values():
            exporter.get("sending_queue", {}).pop("storage", None)
        changed = self._place / "gateway-in-memory.yaml"
        changed.write_text(yaml.safe_dump(gateway))
        return tuple(changed if one == "gateway.yaml" else one for one in self._configs)
