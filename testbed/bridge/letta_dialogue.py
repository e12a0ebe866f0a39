"""How is Letta asked for one answer: how often, for how long, and when not at all?"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from testbed.bridge.breaker import Breaker, Permit
from testbed.bridge.counters import Counters
from testbed.bridge.journey import Journey
from testbed.bridge.letta_client import LettaClient, LettaFailure
from testbed.bridge.sessions import Sessions
from testbed.bridge.turns import Place, Turns
from testbed.bridge.wire import Request

_NEWEST_SHARE: Final = 0.05  # of the newest answer in the usual time, which so follows the last twenty or thirty


class LettaUnavailableError(Exception):
    """Letta will not answer this request; `reason` says why in one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LettaDialogue:
    """Asks Letta within a request's deadline and number of attempts, one message of a user at a time."""

    def __init__(
        self,
        client: LettaClient,
        sessions: Sessions,
        breaker: Breaker,
        counters: Counters,
        *,
        attempts: int,
        call_timeout_s: float,
        retry_base_s: float,
        deadline_s: float,
    ) -> None:
        self._client = client
        self._sessions = sessions
        self._breaker = breaker
        self._counters = counters
        self._attempts = attempts
        self._call_timeout_s = call_timeout_s
        self._retry_base_s = retry_base_s
        # A request that waited for long leaves Letta less than this; that it is not done then does not make Letta sick.
        self._fair_time_s = min(call_timeout_s, deadline_s / 2)
        self._usual_time_s: float | None = None  # what Letta took for its last answers, the newest counting most
        self._turns = Turns()

    def line_up(self, request: Request) -> Place:
        """Take a place behind the earlier messages of the same user."""
        return self._turns.line_up(request.user_id)

    async def answer(self, request: Request, journey: Journey, place: Place) -> str:
        """Return Letta's answer; raise LettaUnavailableError, in time for the fallback, when there is none.

        The place is left at the end, however it comes.
        """
        with place:
            with journey.told.stage("agent_wait"):
                is_in_turn = await place.turn_comes(within_s=journey.letta_left_s)
            if not is_in_turn:
                raise LettaUnavailableError("agent_busy")
            return await self._answer_in_turn(request, journey)

    async def _answer_in_turn(self, request: Request, journey: Journey) -> str:
        may_recreate = True
        while True:
            if self._is_hopeless(journey):
                raise LettaUnavailableError("too_little_time")
            permit = self._breaker.admit()
            if permit is None:
                raise LettaUnavailableError("breaker_open")
            journey.attempts += 1
            try:
                text = await self._attempt(request, journey)
            except LettaFailure as failure:
                self._record(permit, failure)
                if failure.agent_is_missing and may_recreate and journey.agent_id is not None:
                    may_recreate = False
                    await self._sessions.forget(request.user_id, journey.agent_id)
                    self._refuse_beyond_attempts(journey, failure)
                elif failure.retryable:
                    await self._pause(journey, failure)
                else:
                    raise LettaUnavailableError(failure.kind) from failure
                self._counters.retries += 1
                journey.told.retried(failure.kind)
            else:
                self._breaker.succeeded(permit)
                return text

    async def _attempt(self, request: Request, journey: Journey) -> str:
        with journey.told.stage("agent_lookup"):
            journey.agent_id = await self._sessions.agent_for(
                request.user_id, timeout_s=_positive(journey.letta_left_s)
            )
        journey.told.agent(journey.agent_id)
        began = time.monotonic()
        with journey.told.stage("letta_call", has_span=False):  # each call has one
            text = await self._send(request, journey.agent_id, _positive(journey.letta_left_s), journey.attempts - 1)
        self._learn(time.monotonic() - began)
        return text

    def _is_hopeless(self, journey: Journey) -> bool:
        """Say whether Letta needs more than is left: asked all the same, it would cost most when least can be spared.

        Never with half of the deadline left, so that a Letta which became quick again is noticed.
        """
        return self._usual_time_s is not None and journey.letta_left_s < min(self._usual_time_s, self._fair_time_s)

    def _learn(self, took_s: float) -> None:
        usual_s = took_s if self._usual_time_s is None else self._usual_time_s
        self._usual_time_s = usual_s + _NEWEST_SHARE * (took_s - usual_s)

    async def _send(self, request: Request, agent_id: str, left_s: float, resend_count: int) -> str:
        timeout_s = min(self._call_timeout_s, left_s)
        try:
            return await self._client.send_message(
                agent_id,
                request.content,
                headers=_headers_that_name(request),
                timeout_s=timeout_s,
                resend_count=resend_count,
            )
        except LettaFailure as failure:
            if failure.kind == "timeout" and timeout_s < self._fair_time_s:
                raise LettaFailure("too_little_time", is_sick=False) from failure
            raise

    def _record(self, permit: Permit, failure: LettaFailure) -> None:
        self._counters.letta_failures[failure.kind] += 1
        if failure.is_sick:
            self._breaker.failed(permit)
        elif failure.kind.startswith("http_4") or failure.agent_is_missing:
            self._breaker.succeeded(permit)  # it refuses, so it is there

    async def _pause(self, journey: Journey, failure: LettaFailure) -> None:
        self._refuse_beyond_attempts(journey, failure)
        longest_s = self._retry_base_s * 2 ** (journey.attempts - 1)
        pause_s = max(random.uniform(0, longest_s), failure.retry_after_s)  # noqa: S311 (spreads load, hides nothing)
        if pause_s >= journey.letta_left_s:
            raise LettaUnavailableError(failure.kind) from failure
        with journey.told.stage("retry_wait"):
            await asyncio.sleep(pause_s)

    def _refuse_beyond_attempts(self, journey: Journey, failure: LettaFailure) -> None:
        if journey.attempts >= self._attempts or journey.letta_left_s <= 0:
            raise LettaUnavailableError(failure.kind) from failure


def _headers_that_name(request: Request) -> dict[str, str]:
    """Name the request in the logs of Letta, where it can stand in a header."""
    name = request.task_id
    return {"x-request-id": name} if name.isascii() and name.isprintable() else {}


def _positive(seconds: float) -> float:
    return max(seconds, 0.001)  # a limit of zero would end the call before it could report anything
