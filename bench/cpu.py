"""How much CPU does a process that is not ours use between two moments? Its CPU clock, read from outside.

Both tools are read the same way, so neither is charged for measuring itself.
"""

from __future__ import annotations

import ctypes
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np

_EVERY_S = 0.05


class CpuTrace:
    """Reads the CPU clock of one process twenty times a second, from `__enter__` until it ends or `__exit__`."""

    def __init__(self, pid: int) -> None:
        """Name the process; raises OSError when there is none of this id."""
        self._clock = _cpu_clock(pid)
        self._at_ns: list[int] = []
        self._used_ns: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._read()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._read()

    def used_s(self, from_ns: int, to_ns: int) -> float:
        """Return CPU seconds used between two times of CLOCK_MONOTONIC; NaN where the trace does not reach."""
        used = np.interp([from_ns, to_ns], self._at_ns, self._used_ns, left=np.nan, right=np.nan)
        return float(used[1] - used[0]) / 1e9

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            if not self._read():
                return

    def _read(self) -> bool:
        """Take one reading; False when the process has ended."""
        try:
            used_ns = time.clock_gettime_ns(self._clock)
        except OSError:
            return False
        self._at_ns.append(time.monotonic_ns())
        self._used_ns.append(used_ns)
        return True


def _cpu_clock(pid: int) -> int:
    clock = ctypes.c_int()
    error = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise OSError(error, f"no CPU clock of process {pid}")
    return clock.value
