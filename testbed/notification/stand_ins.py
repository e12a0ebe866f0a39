"""How are the stand-ins started, told to fail, and asked what they took?"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from testbed.notification.accounts import ACCOUNT
from testbed.process import python_part, start


class StandIns:
    """All of them on loopback ports; logs go to `logs`."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            command = python_part("testbed.notification")
            part = opening.enter_context(start("notification", command, log_dir=self._logs))
            self.url, self.mail = str(part.announced["url"]), str(part.announced["mail"])
            control = str(part.announced["control"])
            self._control = opening.enter_context(httpx.Client(base_url=control, timeout=30.0, trust_env=False))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def dingtalk_url(self) -> str:
        """The address of the DingTalk robot."""
        return f"{self.url}/robot/send?access_token={ACCOUNT.dingtalk_token}"

    @property
    def wecom_url(self) -> str:
        """The address of the WeCom group robot."""
        return f"{self.url}/cgi-bin/webhook/send?key={ACCOUNT.wecom_key}"

    @property
    def watchdog_url(self) -> str:
        """The address that expects heartbeats."""
        return f"{self.url}/watchdog/{ACCOUNT.watchdog_token}"

    def fail(self, operation: str, status: int = 503) -> None:
        """Let a channel answer with a status: dingtalk, wecom, wecom_application, smn, watchdog, or `*` for all."""
        fault = {"operation": operation, "share": 1.0, "kind": "status", "status": status}
        self._control.patch("/behaviour", json={"faults": [fault]}).raise_for_status()

    def limit(self, most: float, window_s: float) -> None:
        """Let robots and SMN take so many messages within so many seconds."""
        self._control.patch("/behaviour", json={"settings": {"most": most, "window_s": window_s}}).raise_for_status()

    def heal(self) -> None:
        """Let all be well, mail too."""
        self._control.put("/behaviour", json={}).raise_for_status()
        self._control.post("/mail/up").raise_for_status()

    def take_mail_down(self) -> None:
        """Let the mail server listen no more."""
        self._control.post("/mail/down").raise_for_status()

    def messages(self, channel: str = "") -> list[dict[str, Any]]:
        """Return what was taken, of one channel or of all."""
        found = self._control.get("/kept").raise_for_status().json()["messages"]
        return [one for one in found if channel in ("", one["channel"])]

    def refused(self, channel: str) -> int:
        """Return how many messages a channel refused."""
        return int(self._control.get("/kept").raise_for_status().json()["refused"].get(channel, 0))

    def clear(self) -> None:
        """Forget what was taken and refused."""
        self._control.delete("/kept").raise_for_status()
