"""How are the doubles of Huawei Cloud started, with a real Prometheus behind AOM's door, and asked what they took?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from testbed.cloud.accounts import ACCOUNT
from testbed.process import Part, python_part, start
from testbed.prometheus_server import PrometheusServer

# After a crash of a collector the oldest samples come last.
_OUT_OF_ORDER: Final = {"storage": {"tsdb": {"out_of_order_time_window": "30m"}}}


class Doubles:
    """APM, AOM, LTS and IAM on loopback ports; logs go to `logs`.

    `takes_older_samples` False has AOM's Prometheus refuse a sample that is older than the newest of its series.
    `prometheus_config` is more of that Prometheus' own configuration, such as what it scrapes beside.
    """

    def __init__(
        self, logs: Path, *, takes_older_samples: bool = True, prometheus_config: Mapping[str, Any] | None = None
    ) -> None:
        self._logs = logs
        self._prometheus_config = dict(prometheus_config or {})
        self._takes_older = takes_older_samples
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._start(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def fail(self, **fault: Any) -> None:
        """Let backends fail on purpose: `operation` is spans, lines, samples, tokens, searches, or `*` for all."""
        self._control.put("/behaviour", json={"faults": [{"operation": "*", "share": 1.0, **fault}]}).raise_for_status()

    def heal(self) -> None:
        """Let all backends be well."""
        self._control.put("/behaviour", json={}).raise_for_status()

    def keep_texts(self) -> None:
        """Have all that arrives kept whole, not its ids alone."""
        self._control.put("/behaviour", json={"settings": {"keep_texts": 1}}).raise_for_status()

    def keep_traces(self) -> None:
        """Have the spans that arrive kept so that `traces` finds them."""
        self._control.put("/behaviour", json={"settings": {"keep_traces": 1}}).raise_for_status()

    def traces(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return all spans of these traces that arrived since `keep_traces`, in no order."""
        found = self._control.post("/traces", json={"ids": list(ids)}).raise_for_status().json()
        return list(found["spans"])

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

    @property
    def account(self) -> dict[str, str]:
        """The variables that describe the account of the doubles to a collector, or to `letta-slo doctor`."""
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
        }

    @property
    def to_read(self) -> dict[str, str]:
        """The further variables with which `letta-slo doctor` reads back."""
        url = str(self.cloud.announced["url"])
        return {
            "APM_QUERY_ENDPOINT": url,
            "APM_BUSINESS_ID": ACCOUNT.apm_business_id,
            "APM_REGION": ACCOUNT.project,
            "AOM_QUERY_URL": f"{url}/v1/{ACCOUNT.project_id}",
            "LTS_QUERY_ENDPOINT": url,
        }

    def _start(self, opening: ExitStack) -> None:
        flags = ("--web.enable-remote-write-receiver",)
        config = {**(_OUT_OF_ORDER if self._takes_older else {}), **self._prometheus_config}
        self.prometheus = opening.enter_context(PrometheusServer(self._logs, {}, flags=flags, config=config))
        command = python_part("testbed.cloud", "--prometheus", self.prometheus.url)
        self.cloud: Part = opening.enter_context(start("cloud", command, log_dir=self._logs))
        control = str(self.cloud.announced["control"])
        self._control = opening.enter_context(httpx.Client(base_url=control, timeout=30.0, trust_env=False))
