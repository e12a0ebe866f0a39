"""How does what a worker wrote elsewhere reach the master? It sends what its own files have grown by, as they grow.

The recorder knows nothing of it: it writes into the worker's own folder as always, and that copy stays. One part of one
file is under way at a time, so neither side ever holds more than that in memory, however slow the network or the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult, Event

from loadgen.keeping import is_file_of

_PART_BYTES = 256 * 1024  # two seconds of samples at 2,000 requests a second
_EVERY_S = 1.0
_ANSWER_S = 5.0  # an answer takes a round trip; after this long the part or its answer is lost, and is sent again


class ShippingError(Exception):
    """The master does not have everything that this worker wrote; the message says what is missing."""


class Shipper:
    """Sends the files of one worker's folder to the master."""

    def __init__(self, folder: Path, worker: int, send: Callable[[dict[str, Any]], None]) -> None:
        self._folder = folder
        self._worker = worker
        self._send = send
        self._kept: dict[str, int] = {}
        self._number = 0
        self._answer: AsyncResult = AsyncResult()
        self._is_over = Event()
        self._is_abandoned = False

    def run(self) -> None:
        """Send, once a second, what there is more, until `finish` is called; at the end, before its last words."""
        while not self._is_over.wait(_EVERY_S):
            self._send_more()

    def take(self, answer: dict[str, Any]) -> None:
        """Take an answer of the master; one to an earlier part comes too late and says nothing."""
        if answer["number"] == self._number:
            self._answer.set(answer)

    def finish(self, within_s: float) -> None:
        """Send the rest, then the end marker; call it when `run` has returned.

        Raises ShippingError when the master does not have it all `within_s`.
        """
        with gevent.Timeout(within_s, self._missing(f"within {within_s:g} s")):
            while not self._is_complete():
                if self._is_abandoned:
                    raise self._missing("since the master ended the run")
                self._send_more()

    def end(self) -> None:
        """Let `run` return."""
        self._is_over.set()

    def abandon(self) -> None:
        """Wait for no answer any more."""
        self._is_abandoned = True
        self._is_over.set()
        self._answer.set(None)

    def _send_more(self) -> None:
        for name, size in self._sizes().items():
            while self._kept.get(name, 0) < size and self._send_part(name):
                pass

    def _send_part(self, name: str) -> bool:
        """Send the next part of a file; return whether an answer came."""
        at = self._kept.get(name, 0)
        with (self._folder / name).open("rb") as file:
            file.seek(at)
            answer = self._ask({"file": name, "at": at, "data": file.read(_PART_BYTES)})
        if answer is None:
            return False
        self._kept[name] = int(answer["kept"])
        return True

    def _is_complete(self) -> bool:
        """Send the end marker, if there is one; return whether the master has all files as long as they are here."""
        marker = self._folder / f"end-{self._worker}.json"
        sizes = self._sizes()
        if not marker.exists():  # the engine failed: what there is goes over, and no marker says that it is all
            return self._kept == sizes
        answer = self._ask({"end": marker.read_bytes(), "sizes": sizes})
        if answer is None:
            return False
        self._kept = {name: int(size) for name, size in answer["sizes"].items()}
        return bool(answer["complete"])

    def _ask(self, part: dict[str, Any]) -> dict[str, Any] | None:
        if self._is_abandoned:
            return None
        self._number += 1
        self._answer = AsyncResult()
        self._send({"number": self._number, **part})
        with gevent.Timeout(_ANSWER_S, False):
            self._answer.wait()
        answer: dict[str, Any] | None = self._answer.value
        return answer

    def _sizes(self) -> dict[str, int]:
        files = sorted(self._folder.glob(f"*-{self._worker}.*"))
        return {file.name: file.stat().st_size for file in files if is_file_of(self._worker, file.name)}

    def _missing(self, why: str) -> ShippingError:
        return ShippingError(
            f"the master did not take everything {why}, so it counts this worker as lost; what it recorded is in "
            f"{self._folder}"
        )
