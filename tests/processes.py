"""What do tests ask about the processes that a command started? Which is the generator, and which still live."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import psutil


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return when `condition` holds; fails when it does not within `seconds`."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds:g} s"
        pause.wait(0.05)


def wait_for_generator(parent: psutil.Process) -> psutil.Process:
    """Return the Locust process below `parent`, once there is one."""
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found[:] = generators_of(parent)  # what is there now may have another command line in a moment
        return bool(found)

    eventually(is_there)
    return found[0]


def generators_of(parent: psutil.Process) -> list[psutil.Process]:
    """Return the Locust processes below `parent`."""
    return [child for child in parent.children(recursive=True) if _is_generator(child)]


def _is_generator(process: psutil.Process) -> bool:
    try:
        return "locust" in process.cmdline()
    except psutil.NoSuchProcess:  # it was a short one, and ended between the two questions
        return False


def wait_for_workers(generator: psutil.Process, workers: int) -> None:
    """Return when the generator has forked its workers."""
    eventually(lambda: len(generator.children()) >= workers)


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run; a dead one that its new parent has not reaped yet (a zombie) does not."""
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
