"""What was sent, and what of it did the collector acknowledge? Only that may never be lost."""

from __future__ import annotations

import time
from typing import Final

import httpx

from testbed.pipeline import otlp

_PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
_TICK_S: Final = 0.05
_REPEATED: Final = {429, 502, 503, 504}  # what OTLP has a sender repeat; after another status its SDK gives up
_PAUSE_S: Final = 0.05


class Sender:
    """Sends spans, log records and samples of a counter, and counts what was acknowledged: their numbers, from 1 on.

    What is not acknowledged is sent again until it is, as an SDK does while it can. `are_errors` makes each span one.
    """

    def __init__(self, endpoint: str, *, are_errors: bool = False) -> None:
        self._endpoint = endpoint
        self._are_errors = are_errors
        self.spans: set[int] = set()
        self.lines: set[int] = set()
        self.samples: set[int] = set()
        self.refusals = 0
        self._began_ns = time.time_ns()

    def send_for(self, seconds: float, *, per_s: float) -> None:
        """Send so many of each kind a second, and never more; returns when everything is acknowledged.

        Who was held up does not catch up: how much is under way at a moment follows from the rate then.
        """
        each = max(1, round(per_s * _TICK_S))
        every_ns = round(1e9 / per_s)
        due, tick = time.monotonic(), 0
        with httpx.Client(base_url=self._endpoint, timeout=30.0, trust_env=False) as client:
            while tick * each / per_s < seconds:
                if (left_s := due - time.monotonic()) > 0:
                    time.sleep(left_s)
                due = max(due, time.monotonic()) + each / per_s
                self._send(client, range(1 + tick * each, 1 + (tick + 1) * each), every_ns)
                tick += 1

    def _send(self, client: httpx.Client, numbers: range, every_ns: int) -> None:
        for path, made, taken in (
            ("/v1/traces", otlp.traces(otlp.span(number, is_error=self._are_errors) for number in numbers), self.spans),
            ("/v1/logs", otlp.logs(otlp.line_body(number) for number in numbers), self.lines),
            ("/v1/metrics", otlp.counts(numbers, began_ns=self._began_ns, every_ns=every_ns), self.samples),
        ):
            self._until_taken(client, path, made.SerializeToString())
            taken.update(numbers)

    def _until_taken(self, client: httpx.Client, path: str, body: bytes) -> None:
        while not self._is_taken(client, path, body):
            self.refusals += 1
            time.sleep(_PAUSE_S)

    @staticmethod
    def _is_taken(client: httpx.Client, path: str, body: bytes) -> bool:
        try:
            answer = client.post(path, content=body, headers=_PROTOBUF)
        except httpx.TransportError:  # it is down
            return False
        if not answer.is_success and answer.status_code not in _REPEATED:
            raise RuntimeError(f"{path}: the collector answered {answer.status_code}, after which nobody sends again")
        return answer.is_success
