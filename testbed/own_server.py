"""How is a server of the Prometheus family, found on PATH, started on a free loopback port and ended with its data?"""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from testbed.ports import HOST, free_port
from testbed.process import Part, spawn, wait_until_ready

_READY_TIMEOUT_S: Final = 30.0


class OwnServer(ABC):
    """Started on entry, stopped on exit; its data stands in a directory that goes with it."""

    def __init__(self, name: str, log_dir: Path) -> None:
        self._name = name
        self._log_dir = log_dir
        self._scratch: Path | None = None
        self._part: Part | None = None
        self.url = ""

    @abstractmethod
    def _command(self, scratch: Path, address: str) -> list[str]:
        """Return the command that serves at host:port, its data in `scratch`; raises PartError without a program."""

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
        self._scratch = Path(tempfile.mkdtemp(prefix=f"letta-slo-{self._name}-"))
        address = f"{HOST}:{free_port()}"
        self._part = spawn(self._name, self._command(self._scratch, address), log_dir=self._log_dir)
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
