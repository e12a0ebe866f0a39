"""What happens to one entry of the request list, from its being taken to its reply?"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from letta_otel.bridge import BridgeTelemetry, RequestTelemetry, Route, Source
from letta_otel.conventions import attributes

from testbed.bridge import names, wire
from testbed.bridge.counters import Counters
from testbed.bridge.fallback import Fallback, FallbackUnavailableError
from testbed.bridge.hand import Hand, History
from testbed.bridge.journey import Journey
from testbed.bridge.letta_dialogue import LettaDialogue, LettaUnavailableError
from testbed.bridge.redis_link import AWAY, pauses
from testbed.bridge.replies import Replies
from testbed.bridge.settings import Settings
from testbed.bridge.turns import Place
from testbed.bridge.wire import InvalidRequestError, Request

log = logging.getLogger("bridge.worker")


class _NoAnswerError(Exception):
    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


class Worker:
    """Answers entries; every way through it ends in one reply or a dead letter."""

    def __init__(
        self,
        settings: Settings,
        hand: Hand,
        replies: Replies,
        *,
        letta: LettaDialogue,
        fallback: Fallback,
        counters: Counters,
        telemetry: BridgeTelemetry,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._hand = hand
        self._replies = replies
        self._letta = letta
        self._fallback = fallback
        self._counters = counters
        self._telemetry = telemetry
        self._wall_clock = wall_clock
        self._tasks_in_hand: set[str] = set()

    async def handle(self, raw: bytes) -> None:
        """Answer one entry; returns when its reply has left."""
        try:
            request = wire.parse_request(raw)
        except InvalidRequestError as error:
            await self._refuse(raw, error)
        else:
            await self._handle_request(raw, request)
        self._hand.let_go(raw)

    async def _refuse(self, raw: bytes, error: InvalidRequestError) -> None:
        if error.task_id is None:
            log.warning("entry cannot be read", extra={attributes.LETTA_BRIDGE_REASON: error.reason})
            await self._replies.put_aside(raw, error.reason)
            self._telemetry.lost()
            return
        with self._telemetry.request({}, message_id=error.task_id, body_size=len(raw), age_s=None) as told:
            log.warning("entry refused", extra=_named(error.task_id) | {attributes.LETTA_BRIDGE_REASON: error.reason})
            told.routed("none", "")
            refusal = _NoAnswerError("invalid_request", error.reason)
            await self._publish_error(raw, error.task_id, error.user_id, refusal, told, meta={}, aside=True)

    async def _handle_request(self, raw: bytes, request: Request) -> None:
        if request.task_id in self._tasks_in_hand:
            await self._replies.drop_duplicate(raw)
            return
        self._tasks_in_hand.add(request.task_id)
        place = self._letta.line_up(request)  # before anything is waited for, so that nothing overtakes
        age_s = request.age_s(self._wall_clock())
        try:
            with self._telemetry.request(
                request.meta, message_id=request.task_id, body_size=len(raw), age_s=age_s
            ) as told:
                await self._answer_or_say_why_not(raw, request, self._begin_journey(told, age_s), place)
        finally:
            place.leave()
            self._tasks_in_hand.discard(request.task_id)

    async def _answer_or_say_why_not(self, raw: bytes, request: Request, journey: Journey, place: Place) -> None:
        try:
            await self._answer_despite_redis(raw, request, journey, place)
        except Exception:  # a fault of ours must not cost the user the reply, nor the bridge its life
            log.exception("internal error", extra=_named(request.task_id))
            error = _NoAnswerError("internal_error", "the bridge failed on this request; its log says where")
            await self._reply_error(raw, request, journey, error, aside=True)

    def _begin_journey(self, told: RequestTelemetry, age_s: float | None) -> Journey:
        now = time.monotonic()
        made_at = now - (age_s or 0.0)
        return Journey(
            told=told,
            picked_up_at=now,
            queue_wait_s=age_s,
            letta_until=made_at + self._settings.deadline_s,
            reply_by=made_at + self._settings.reply_limit_s,
        )

    async def _answer_despite_redis(self, raw: bytes, request: Request, journey: Journey, place: Place) -> None:
        """Begin again, with what is left of time and attempts, each time that Redis went away in the middle."""
        for pause_s in pauses():
            try:
                await self._answer(raw, request, journey, place)
            except AWAY as error:
                log.warning(
                    "redis is away", extra=_named(request.task_id) | {attributes.ERROR_TYPE: type(error).__name__}
                )
                await asyncio.sleep(pause_s)
            else:
                return

    async def _answer(self, raw: bytes, request: Request, journey: Journey, place: Place) -> None:
        history = await self._hand.history(raw, request.task_id)
        if history.is_answered:
            await self._replies.drop_duplicate(raw)
            journey.told.dropped()
            return
        if history.was_put_back and not journey.redelivered:
            journey.redelivered = True
            self._counters.redelivered += 1
            journey.told.redelivered()
        route = self._settings.memory_type_routing.get(request.memory_type)
        if not journey.is_counted:
            journey.told.routed(_route(route), request.memory_type)
        journey.is_counted = True
        try:
            self._refuse_deadly(history)
            text, source = await self._find_answer(request, route, journey, place)
        except _NoAnswerError as error:
            aside = error.error_type in ("too_many_deliveries", "invalid_request")
            await self._reply_error(raw, request, journey, error, aside=aside)
        else:
            with journey.told.send(names.RESPONSES, "publish") as sending:
                meta = {**journey.meta(), **sending.meta}
                reply = wire.success(request, text=text, source=source, now_s=self._wall_clock(), meta=meta)
                sending.size(len(reply))
                is_published = await self._replies.publish(raw, request.task_id, reply, sending)
            if is_published:
                self._counters.replied[source] += 1
                journey.told.answered(source)
            else:
                journey.told.dropped()

    def _refuse_deadly(self, history: History) -> None:
        if history.deaths >= self._settings.max_deliveries:
            raise _NoAnswerError("too_many_deliveries", f"{history.deaths} bridges died over this request")

    async def _find_answer(
        self, request: Request, route: str | None, journey: Journey, place: Place
    ) -> tuple[str, Source]:
        """Return the answer and who gave it; raise _NoAnswerError when nobody does."""
        if route is None:
            allowed = ", ".join(self._settings.memory_type_routing)
            raise _NoAnswerError("invalid_request", f"meta.memory_type: allowed is one of {allowed}")
        if route == "memory-python":
            return await self._ask_memory(request, journey, "routed")
        if not self._settings.letta_enabled:
            return await self._ask_memory_instead(request, journey, "letta_disabled")
        if journey.letta_left_s <= 0:
            self._counters.shed += 1
            return await self._ask_memory_instead(request, journey, "too_old")
        try:
            return await self._letta.answer(request, journey, place), "letta"
        except LettaUnavailableError as error:
            return await self._ask_memory_instead(request, journey, error.reason)

    async def _ask_memory_instead(self, request: Request, journey: Journey, reason: str) -> tuple[str, Source]:
        if not self._settings.fallback_to_memory:
            raise _NoAnswerError("letta_unavailable", f"Letta: {reason}; the fallback is switched off")
        return await self._ask_memory(request, journey, reason)

    async def _ask_memory(self, request: Request, journey: Journey, reason: str) -> tuple[str, Source]:
        journey.fallback_reason = reason
        self._counters.fallbacks[reason] += 1
        try:
            return await self._fallback.answer(request, journey), "memory-python"
        except FallbackUnavailableError as error:
            raise _NoAnswerError("fallback_unavailable", f"Letta: {reason}; memory-python: {error.reason}") from error

    async def _reply_error(
        self, raw: bytes, request: Request, journey: Journey, error: _NoAnswerError, *, aside: bool
    ) -> None:
        meta = {**request.echoed_meta(), **journey.meta()}
        await self._publish_error(raw, request.task_id, request.user_id, error, journey.told, meta=meta, aside=aside)

    async def _publish_error(
        self,
        raw: bytes,
        task_id: str,
        user_id: str | None,
        error: _NoAnswerError,
        told: RequestTelemetry,
        *,
        meta: dict[str, object],
        aside: bool,
    ) -> None:
        reason = f"{error.error_type}: {error.message}" if aside else None
        with told.send(names.RESPONSES, "publish") as sending:
            reply = wire.failure(
                task_id=task_id,
                user_id=user_id,
                error_type=error.error_type,
                message=error.message,
                now_s=self._wall_clock(),
                meta={**meta, **sending.meta},
            )
            sending.size(len(reply))
            is_published = await self._replies.publish(raw, task_id, reply, sending, dead_letter_reason=reason)
        if is_published:
            self._counters.replied["error"] += 1
            self._counters.errors[error.error_type] += 1
            told.refused(error.error_type)
        else:
            told.dropped()


def _named(task_id: str) -> dict[str, str]:
    return {attributes.MESSAGING_MESSAGE_ID: task_id}


def _route(route: str | None) -> Route:
    return "letta" if route == "letta" else "memory-python" if route == "memory-python" else "none"
