"""Tie a child process to its parent: when the parent dies, however it dies, the child is killed.

Run as `python -m testbed.lifeline PARENT_PID [--user NAME] -- COMMAND ...`. The kernel's parent-death signal survives
`execve`, so any program can be tied, a Redis or PostgreSQL server too; a change of user clears it, hence that comes
first.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(argv: list[str]) -> None:
    """Become COMMAND, tied to the parent; exit 2 on bad usage."""
    if "--" not in argv or not argv[0].isdigit():
        sys.exit("usage: python -m testbed.lifeline PARENT_PID [--user NAME] -- COMMAND ...")
    split = argv.index("--")
    parent_pid, options, command = int(argv[0]), argv[1:split], argv[split + 1 :]
    if options:
        _become(options[1])
    tie_to_parent(parent_pid)
    os.execvp(command[0], command)  # noqa: S606 (no shell is wanted)


def tie_to_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies; exit at once when it died already."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit("the parent died before its child could be tied to it")


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ["HOME"] = entry.pw_dir


if __name__ == "__main__":
    main(sys.argv[1:])
