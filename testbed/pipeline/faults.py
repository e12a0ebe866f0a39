"""What goes wrong on the way, and when? Each fault lasts for a part of the time in which telemetry is sent."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from testbed.pipeline.rig import Pipeline

# To wait is what a fault consists of: when it begins, and for how long it lasts.
Play = Callable[[Pipeline, float], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One of them; `play` is given the pipeline and the seconds for which is sent, and returns within these."""

    name: str
    play: Play
    disk_mib: int | None = None  # how much the queues have, where that is what goes wrong


def _failing(**fault: Any) -> Play:
    """All backends fail from a quarter of the time on for half of it: 30 s of 60."""

    def play(pipeline: Pipeline, seconds: float) -> None:
        time.sleep(seconds / 4)  # all is well at first
        pipeline.fail(**fault)
        time.sleep(seconds / 2)  # how long the fault lasts
        pipeline.heal()

    return play


def _killed(pipeline: Pipeline, seconds: float) -> None:
    """The collector is killed, and started again, while the backends are down."""
    time.sleep(seconds / 4)  # all is well at first
    pipeline.fail(kind="drop")
    time.sleep(seconds / 4)  # the queues fill
    pipeline.collector.kill()
    pipeline.collector.start()
    time.sleep(seconds / 8)  # what was kept meets backends that are still down
    pipeline.heal()


def _disk_full(pipeline: Pipeline, seconds: float) -> None:
    """Somebody else fills the disk of the queues while the backends are down."""
    time.sleep(seconds / 4)  # all is well at first
    pipeline.fail(kind="drop")
    filler = pipeline.storage / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # it is full: what is wanted
        while file.write(b"\0" * 4096):
            pass
    time.sleep(seconds / 2)  # how long the disk is full
    filler.unlink()
    pipeline.heal()


FAULTS = (
    Fault("killed while the backends are down", _killed),
    Fault("the backends are down", _failing(kind="drop")),
    Fault("429 with Retry-After", _failing(kind="status", status=429)),
    Fault("503", _failing(kind="status", status=503)),
    Fault("slow: 1.5 s an answer", _failing(kind="slow", delay_s=1.5)),
    Fault("no answer: 12 s of silence", _failing(kind="slow", delay_s=12)),
    Fault("the disk is full", _disk_full, disk_mib=8),
)
