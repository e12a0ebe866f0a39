"""How much CPU does a tool use between two moments, and how much memory? Read from outside, with all its children.

Every tool is read the same way, so none is charged for measuring itself.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

_EVERY_S = 0.05
_LOOK_EVERY = 20  # readings of the clock between two looks for children and memory, which cost more


class CpuTrace:
    """Reads the CPU clocks of a process and its children twenty times a second, until it ends or `__exit__`.

    A child that comes and goes between two looks, a second apart, is not seen.
    """

    def __init__(self, pid: int) -> None:
        """Name the process; raises OSError when there is none of this id."""
        self._root = pid
        self._clocks = {pid: _cpu_clock(pid)}
        self._used_by: dict[int, int] = {}
        self._peak_kib: dict[int, int] = {}
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

    @property
    def peak_mib(self) -> float:
        """The most memory that each process held at once, in sum."""
        return sum(self._peak_kib.values()) / 1024

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            if not self._read():
                return

    def _read(self) -> bool:
        """Take one reading; False when the process has ended."""
        if len(self._at_ns) % _LOOK_EVERY == 0:
            self._look()
        for pid, clock in list(self._clocks.items()):
            try:
                self._used_by[pid] = time.clock_gettime_ns(clock)
            except OSError:  # it has ended; what it had used by then still counts
                del self._clocks[pid]
        if self._root not in self._clocks:
            return False
        self._at_ns.append(time.monotonic_ns())
        self._used_ns.append(sum(self._used_by.values()))
        return True

    def _look(self) -> None:
        for pid in (self._root, *descendants(self._root)):
            try:
                self._clocks.setdefault(pid, _cpu_clock(pid))
                self._peak_kib[pid] = max(_peak_kib(pid), self._peak_kib.get(pid, 0))
            except OSError:  # it ended meanwhile
                continue


def descendants(pid: int) -> Iterator[int]:
    """Yield the ids of all children of a process, and of theirs; none when it has ended."""
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in listed.read_text().split()]
        except OSError:  # this thread ended meanwhile
            continue
        for child in children:
            yield child
            yield from descendants(child)


def _peak_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0  # it has ended and waits for its parent


def _cpu_clock(pid: int) -> int:
    clock = ctypes.c_int()
    error = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise OSError(error, f"no CPU clock of process {pid}")
    return clock.value
