"""A child that was being started when somebody pressed Ctrl-C is stopped, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.process import spawn

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


class TerminatedError(BaseException):
    """What the handler of a test raises for SIGTERM, as that of the suite does."""


def terminate(*_: object) -> None:
    raise TerminatedError


@pytest.fixture
def handlers() -> Iterator[dict[int, Any]]:
    usual: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: terminate}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield usual
    for number, handler in before.items():
        signal.signal(number, handler)


class Disturbed:
    """Starts children, and signals this process when one is there and nobody knows of it yet."""

    def __init__(self, log_dir: Path) -> None:
        self.numbers: list[int] = []
        self.children: list[subprocess.Popen[bytes]] = []
        self._log_dir, self._popen = log_dir, subprocess.Popen

    def popen(self, *given: Any, **options: Any) -> subprocess.Popen[bytes]:
        self.children.append(self._popen(*given, **options))
        for number in self.numbers:
            os.kill(os.getpid(), number)
        return self.children[-1]

    def start(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        spawn("sleeper", SLEEP, log_dir=self._log_dir).stop()


@pytest.fixture
def disturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disturbed:
    made = Disturbed(tmp_path)
    monkeypatch.setattr("testbed.process.subprocess.Popen", made.popen)
    return made


@pytest.mark.parametrize(
    ("numbers", "raised"),
    [
        ([signal.SIGINT], KeyboardInterrupt),
        ([signal.SIGTERM], TerminatedError),
        ([signal.SIGINT, signal.SIGINT], KeyboardInterrupt),
    ],
)
def test_a_signal_in_the_middle_of_a_start_stops_the_child_and_is_heard(
    disturbed: Disturbed, handlers: dict[int, Any], numbers: list[int], raised: type[BaseException]
) -> None:
    with pytest.raises(raised):
        disturbed.start(*numbers)
    (child,) = disturbed.children
    assert child.poll() is not None
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_without_a_signal_the_handlers_are_what_they_were(disturbed: Disturbed, handlers: dict[int, Any]) -> None:
    disturbed.start()
    (child,) = disturbed.children
    assert child.poll() == -signal.SIGTERM
    assert {number: signal.getsignal(number) for number in handlers} == handlers
