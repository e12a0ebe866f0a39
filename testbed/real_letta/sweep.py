"""Who removes a run's directory when its owner is killed: this process, which waits for the end of a pipe to close.

Run as `python -m testbed.real_letta.sweep DIRECTORY`; it ends when its standard input does, however that comes about.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_IPC_RMID = 0  # linux/ipc.h
_PATIENCE_S = 20.0
_SHARED_MEMORY_LINE = 6  # of postmaster.pid: "key id" of the segment that guards the data directory


class Sweeper:
    """A child that removes `directory` when this object is closed or this process dies."""

    def __init__(self, directory: Path) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "testbed.real_letta.sweep", str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not end it before its work
        )

    def close(self) -> None:
        """Remove the directory now and wait until it is gone."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sweep(directory: Path) -> None:
    """Remove `directory`, again and again for a while: servers that were just killed may still be writing into it."""
    deadline = time.monotonic() + _PATIENCE_S
    for lock in directory.rglob("postmaster.pid"):
        _release_shared_memory(lock)
    while directory.exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.05)  # no event says that the last file was written


def _release_shared_memory(lock: Path) -> None:
    """Remove the System V segment that a killed PostgreSQL leaves; one that stopped in order has no such file."""
    lines = lock.read_text().splitlines()
    fields = lines[_SHARED_MEMORY_LINE].split() if len(lines) > _SHARED_MEMORY_LINE else []
    if len(fields) == 2 and fields[1].isdigit():
        ctypes.CDLL(None).shmctl(int(fields[1]), _IPC_RMID, None)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    sweep(Path(sys.argv[1]))
