"""Start a part of the testbed as a child process, wait until it says that it is ready, and stop it again.

A part announces itself with one JSON line on its standard output, e.g. `{"ready": true, "url": "http://127.0.0.1:4711"}`;
everything else it says goes to standard error, which is kept in a log file.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

_STOP_GRACE_S = 10.0
_POLL_S = 0.02

Answer = TypeVar("Answer")


class PartError(Exception):
    """A part of the testbed did not start, or died."""


@dataclass(slots=True)
class Part:
    """A running child process and what it announced about itself."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    announced: dict[str, Any]

    @property
    def pid(self) -> int:
        """Process id: the child is the program itself, no wrapper stands between."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether the child has not exited yet."""
        return self.process.poll() is None

    def kill(self) -> None:
        """Send SIGKILL and wait: the death that a crash or the out-of-memory killer brings."""
        self.process.kill()
        self.process.wait()

    def stop(self, grace_s: float = _STOP_GRACE_S) -> int:
        """Send SIGTERM, wait up to `grace_s`, then SIGKILL; return the exit status (negative: the signal)."""
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return int(self.process.returncode)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    name: str,
    command: Sequence[str],
    *,
    log_dir: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    ready_timeout_s: float = 30.0,
    cwd: Path | None = None,
) -> Part:
    """Start `command` tied to this process and wait for its announcement.

    Raises PartError, with the end of the log, when the part exits or stays silent for `ready_timeout_s`.
    """
    part = spawn(name, command, log_dir=log_dir, env=env, user=user, cwd=cwd, stdout=subprocess.PIPE)
    try:
        part.announced = _read_announcement(part, ready_timeout_s)
    except BaseException:
        part.stop(grace_s=1.0)
        raise
    return part


def spawn(
    name: str,
    command: Sequence[str],
    *,
    log_dir: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
    stdout: int | None = None,
    keep_fds: Sequence[int] = (),
) -> Part:
    """Start `command` tied to this process without waiting for anything (for programs that announce nothing).

    `keep_fds` are file descriptors that the child inherits, such as the writing end of a pipe.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    log = log_dir / f"{name}.log"
    tie = [sys.executable, "-m", "testbed.lifeline", str(os.getpid()), *(["--user", user] if user else []), "--"]
    part: Part | None = None
    try:
        with log.open("ab") as log_file, _not_interrupted():
            process = subprocess.Popen(
                [*tie, *command],
                stdin=subprocess.DEVNULL,
                stdout=log_file if stdout is None else stdout,
                stderr=log_file,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                pass_fds=tuple(keep_fds),
                start_new_session=True,  # Ctrl-C reaches the suite, which stops its parts in order
            )
            part = Part(name, process, log, {})
    except BaseException:
        if part is not None:
            part.stop(grace_s=1.0)
        raise
    return part


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Put off what Ctrl-C and SIGTERM do: in the middle of a start nobody would know of the child, nor stop it."""
    if threading.current_thread() is not threading.main_thread():  # no handler runs there
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    usual = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    put_off = {one: handler for one, handler in usual.items() if callable(handler)}
    for one in put_off:
        signal.signal(one, lambda number, frame: arrived.append((number, frame)))
    try:
        yield
    finally:
        for one, handler in put_off.items():
            signal.signal(one, handler)
        for number, frame in arrived[:1]:
            put_off[signal.Signals(number)](number, frame)


def wait_until_ready(part: Part, ask: Callable[[], Answer | None], *, timeout_s: float) -> Answer:
    """Ask a program that announces nothing until it gives something other than None, and return that.

    Raises PartError, with the end of the log, when the part exits or gives nothing for `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while part.is_running and time.monotonic() < deadline:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(_POLL_S)  # there is nothing to wait on but its next answer
    why = f"was not ready within {timeout_s:g} s" if part.is_running else f"exited with {part.process.returncode}"
    raise PartError(f"{part.name} {why}\n{log_tail(part.log)}")


def python_part(module: str, *arguments: str) -> list[str]:
    """Return the command line of a part that is a Python module of this repository."""
    return [sys.executable, "-m", module, *arguments]


def announce(**facts: object) -> None:
    """Say on standard output, once, that this part is ready (called inside the child)."""
    sys.stdout.write(json.dumps({"ready": True, **facts}) + "\n")
    sys.stdout.flush()


def _read_announcement(part: Part, timeout_s: float) -> dict[str, Any]:
    stream = part.process.stdout
    if stream is None:
        raise PartError(f"{part.name}: its output is not piped")
    deadline = time.monotonic() + timeout_s
    line = b""
    while not line.endswith(b"\n"):
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([stream], [], [], left_s)[0]:
            raise PartError(f"{part.name} did not become ready within {timeout_s:g} s\n{log_tail(part.log)}")
        chunk = os.read(stream.fileno(), 65536)
        if not chunk:
            part.process.wait()
            raise PartError(
                f"{part.name} exited with {part.process.returncode} before it was ready\n{log_tail(part.log)}"
            )
        line += chunk
    return dict(json.loads(line.splitlines()[0]))


def log_tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a part's log, for an error message."""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return f"  last lines of {log}:\n" + "\n".join(f"    {line}" for line in text)
