"""Which notification is delivered when, and how is each told once and none lost?

Nothing that was not delivered is ever acknowledged: the Alertmanager keeps it and tries again. What waits here for a
channel's allowance goes out as one message. What was delivered is remembered for a while, so that an Alertmanager that
gave up waiting, or a second one of the same cluster, causes no second message.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alerts.receiver.allowance import Allowance
from alerts.receiver.channels import Sender, SendError, TooFastError
from alerts.receiver.metrics import Metrics
from alerts.receiver.texts import Message, Writer
from alerts.receiver.webhook import Notification

# An Alertmanager gives up on a webhook after its group interval, 10 s at least; waiting and sending stay below that.
PATIENCE_S: Final = 4.5


class Outcome(StrEnum):
    """What became of a notification."""

    DELIVERED = "delivered"
    REPEATED = "repeated"  # it was delivered before
    LATER = "later"  # the channel's allowance is spent; to be asked again
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome, and why when it is no good one."""

    outcome: Outcome
    text: str = ""


@dataclass(slots=True, eq=False)
class _Waiting:
    notification: Notification
    done: asyncio.Future[Result]
    is_under_way: bool = False


class Outbox:
    """The way to one channel; `run` sends what `deliver` puts in."""

    def __init__(
        self,
        sender: Sender,
        writer: Writer,
        metrics: Metrics,
        *,
        remembered_s: float,
        say: Callable[[str], None],
        patience_s: float = PATIENCE_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`remembered_s` 0 sends everything, however often."""
        self.name = sender.name
        self._sender = sender
        self._writer = writer
        self._metrics = metrics
        self._remembered_s = remembered_s
        self._say = say
        self._patience_s = patience_s
        self._now_s = now_s
        self._allowance = Allowance(sender.a_minute, now_s())
        self._waiting: dict[str, _Waiting] = {}
        self._delivered: dict[str, float] = {}
        self._news = asyncio.Event()

    async def deliver(self, notification: Notification) -> Result:
        """Return what became of a notification, once that is known."""
        result = await self._deliver(notification)
        self._metrics.count(self.name, result.outcome.value)
        return result

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._queue():
                await asyncio.sleep(self._allowance.wait_s(self._now_s()))
                if chosen := self._queue():  # some may have been withdrawn meanwhile
                    await self._send(chosen)

    async def _deliver(self, notification: Notification) -> Result:
        key = notification.key
        self._forget()
        if key in self._delivered:
            return Result(Outcome.REPEATED)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = _Waiting(notification, asyncio.get_running_loop().create_future())
            self._waiting[key] = waiting
            self._news.set()
            asyncio.get_running_loop().call_later(self._patience_s, self._withdraw, key, waiting)
        self._metrics.waiting(self.name, len(self._waiting))
        return await asyncio.shield(waiting.done)

    def _withdraw(self, key: str, waiting: _Waiting) -> None:
        """Give a notification back that still waits for its turn."""
        if not waiting.is_under_way and not waiting.done.done():
            self._end(key, waiting, Result(Outcome.LATER, "its allowance of messages a minute is spent for now"))

    def _queue(self) -> list[tuple[str, _Waiting]]:
        return [(key, one) for key, one in self._waiting.items() if not one.done.done()]

    async def _send(self, queue: list[tuple[str, _Waiting]]) -> None:
        message = self._writer.write([one.notification for _, one in queue], self._sender.form)
        chosen = queue[: message.told]
        for _, one in chosen:
            one.is_under_way = True
        self._allowance.spend(self._now_s())
        result = Result(Outcome.FAILED, "this receiver is stopping")
        try:
            result = await self._try(message)
        finally:
            for key, one in chosen:
                if result.outcome is Outcome.DELIVERED and self._remembered_s:
                    self._delivered[key] = self._now_s() + self._remembered_s
                self._end(key, one, result)

    async def _try(self, message: Message) -> Result:
        try:
            await self._sender.send(message)
        except SendError as error:
            if isinstance(error, TooFastError):
                self._allowance.refused(self._now_s())
            reason, text = error.reason, str(error)
        except Exception as error:  # a fault of ours must not end the way to a channel; its text may hold a secret
            reason, text = "unexpected", type(error).__name__
        else:
            self._allowance.taken()
            self._metrics.sent(self.name)
            return Result(Outcome.DELIVERED)
        self._metrics.failed(self.name, reason)
        self._say(f"{self.name}: not delivered, {reason}: {text}")
        return Result(Outcome.FAILED, text)

    def _end(self, key: str, waiting: _Waiting, result: Result) -> None:
        if self._waiting.get(key) is waiting:
            del self._waiting[key]
        with contextlib.suppress(asyncio.InvalidStateError):
            waiting.done.set_result(result)
        self._metrics.waiting(self.name, len(self._waiting))

    def _forget(self) -> None:
        now_s = self._now_s()
        for key in [key for key, until_s in self._delivered.items() if until_s <= now_s]:
            del self._delivered[key]
