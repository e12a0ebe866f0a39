"""What would Locust remember for ever? Its count of requests for every second of a run, by name: 4 MiB an hour."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

import gevent

_KEPT_S = 60  # Locust's own rate looks back twelve seconds
_EVERY_S = 30.0


class Counted(Protocol):
    """What an entry of Locust's statistics counts by the second, keyed by seconds of Unix time."""

    num_reqs_per_sec: dict[int, int]
    num_fail_per_sec: dict[int, int]


class Statistics(Protocol):
    """Locust's statistics of one process."""

    @property
    def total(self) -> Counted:
        """All requests together."""

    @property
    def entries(self) -> dict[tuple[str, str], Counted]:
        """Requests by name and kind."""


def keep_flat(statistics: Statistics) -> None:
    """Drop what is older than a minute, every half minute, for as long as the process lives."""
    while True:
        gevent.sleep(_EVERY_S)
        forget([statistics.total, *statistics.entries.values()], time.time() - _KEPT_S)


def forget(entries: Iterable[Counted], before_s: float) -> None:
    """Drop the counts of seconds before `before_s`, Unix time."""
    for entry in entries:
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            for second in [second for second in counts if second < before_s]:
                del counts[second]
