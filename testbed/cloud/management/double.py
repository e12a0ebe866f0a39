"""How are the doubles of the management APIs started, asked what they hold, changed by hand, and made to fail?"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from testbed.cloud.accounts import ACCOUNT
from testbed.process import Part, python_part, start


class ManagementDouble:
    """AOM, SMN and LTS on one loopback port; logs go to `logs`."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            command = python_part("testbed.cloud.management")
            self.part: Part = opening.enter_context(start("cloud-management", command, log_dir=self._logs))
            control = str(self.part.announced["control"])
            self._control = opening.enter_context(httpx.Client(base_url=control, timeout=30.0, trust_env=False))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a client finds the doubles, and may use them."""
        url = str(self.part.announced["url"])
        return {
            **{f"LETTA_SLO_{service}_ENDPOINT": url for service in ("AOM", "SMN", "LTS")},
            "HUAWEICLOUD_SDK_AK": ACCOUNT.access_key,
            "HUAWEICLOUD_SDK_SK": ACCOUNT.secret_key,
            "NO_PROXY": "127.0.0.1",
        }

    def held(self) -> dict[str, Any]:
        """Return everything that is there, each kind by what identifies it."""
        found: dict[str, Any] = self._control.get("/held").raise_for_status().json()
        return found

    def put(self, kind: str, key: str, row: dict[str, Any]) -> None:
        """Put something there, or change it, past the API."""
        self._control.put("/held", json={"kind": kind, "key": key, "row": row}).raise_for_status()

    def clear(self) -> None:
        """Forget everything, and be well."""
        self._control.delete("/held").raise_for_status()
        self.come_back()

    def fail(self, **faults: Any) -> None:
        """Fail on purpose, as `testbed.cloud.management.faults.Faults` says it; without any, be well."""
        self._control.put("/faults", json=faults).raise_for_status()

    def come_back(self) -> None:
        """Open the door again, and be well."""
        self.fail()
        self._control.post("/up").raise_for_status()
