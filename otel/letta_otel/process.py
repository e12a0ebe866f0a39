"""What does a process say of itself? Its memory and its processor time, as the kernel has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from opentelemetry.metrics import Meter, Observation

from letta_otel.conventions import metrics
from letta_otel.instruments import watched

_STATM: Final = Path("/proc/self/statm")  # its second number are the pages in memory
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def watch_process(meter: Meter) -> None:
    """Have both read whenever metrics are collected."""

    def memory() -> list[Observation]:
        return [Observation(int(_STATM.read_text().split()[1]) * _PAGE)]

    def processor_time() -> list[Observation]:
        times = os.times()
        return [Observation(times.user + times.system)]

    watched(meter, metrics.PROCESS_MEMORY_USAGE, memory)
    watched(meter, metrics.PROCESS_CPU_TIME, processor_time)
