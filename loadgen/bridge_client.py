"""How does a load request go through the Redis bridge, and which reply is its own?

One connection subscribes to `letta_responses` before the first request is pushed; every reply is matched by `task_id`.
A task id is a UUID whose parts say which run, worker and request it belongs to, so that a reply to nobody, a second
reply, and a reply to somebody else's request are told apart.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import Any

import gevent
import orjson
import redis
from gevent.event import AsyncResult, Event

from loadgen.answered import Answered
from loadgen.http_client import connection_failure
from loadgen.reply import Reply
from loadgen.samples import Outcome

REQUEST_LIST = "letta_requests"
REPLY_CHANNEL = "letta_responses"
_SUBSCRIBE_TIMEOUT_S = 5.0


class TaskIds:
    """UUIDs (version 8, RFC 9562) made of the run, the worker, the number of the arrival, and the turn."""

    def __init__(self, run_id: str, worker: int) -> None:
        self._run = hashlib.sha256(run_id.encode()).digest()[:6]
        self._worker = worker

    def make(self, number: int, turn: int) -> str:
        """Return the id of one request."""
        tail = bytes([0x80 | (self._worker & 0x3F)]) + turn.to_bytes(2) + number.to_bytes(5)
        return str(uuid.UUID(bytes=self._run + b"\x80\x00" + tail))

    def place(self, task_id: str) -> tuple[int, int]:
        """Return the number and the turn of an id that `make` made; raises ValueError when they are no numbers."""
        return int(task_id[26:], 16), int(task_id[21:23] + task_id[24:26], 16)

    def is_made_here(self, task_id: str) -> bool:
        """Whether this is, letter by letter, an id that `make` gives for some number and turn."""
        try:
            return self.make(*self.place(task_id)) == task_id
        except (ValueError, OverflowError):
            return False

    def is_of_run(self, task_id: str) -> bool:
        """Whether this run sent it, from whichever worker."""
        return task_id.replace("-", "").startswith(self._run.hex())

    def is_of_worker(self, task_id: str) -> bool:
        """Whether this worker's numbers are in it."""
        return self.is_of_run(task_id) and task_id.replace("-", "")[16:18] == f"{0x80 | (self._worker & 0x3F):02x}"


class Ledger:
    """Counts of every request and every reply: complete accounting is what `no message lost` stands on."""

    def __init__(self, ids: TaskIds) -> None:
        self._ids = ids
        self._waiting: dict[str, AsyncResult] = {}
        self._overdue: set[str] = set()
        self._answered = Answered()
        self.duplicates = 0
        self.unknown = 0
        self.foreign = 0
        self.late = 0
        self.sent = 0

    def expect(self, task_id: str) -> AsyncResult:
        """Note that a request is being sent, and return where its reply will arrive."""
        self.sent += 1
        result = AsyncResult()
        self._waiting[task_id] = result
        return result

    def forget(self, task_id: str) -> None:
        """The request was never pushed after all."""
        self._waiting.pop(task_id)
        self.sent -= 1

    def overdue(self, task_id: str) -> None:
        """Nobody waits for this reply any longer, but it may still come: late is not lost."""
        self._waiting.pop(task_id, None)
        self._overdue.add(task_id)

    def take(self, reply: dict[str, Any], now_ns: int) -> None:
        """Book one reply to the request that it belongs to, or count what is wrong with it."""
        task_id = str(reply.get("task_id"))
        if (result := self._waiting.pop(task_id, None)) is not None:
            self._answered.add(self._ids.place(task_id))
            result.set((reply, now_ns))
        elif task_id in self._overdue:
            self._overdue.discard(task_id)
            self._answered.add(self._ids.place(task_id))
            self.late += 1
        elif self._ids.is_made_here(task_id) and self._ids.place(task_id) in self._answered:
            self.duplicates += 1
        elif self._ids.is_of_worker(task_id):
            self.unknown += 1
        elif not self._ids.is_of_run(task_id):
            self.foreign += 1

    @property
    def lost(self) -> int:
        """Requests without any reply so far."""
        return len(self._overdue) + len(self._waiting)

    def summary(self) -> dict[str, int]:
        """Return the counts for the end marker."""
        names = ("sent", "late", "duplicates", "unknown", "foreign", "lost")
        return {"answered": len(self._answered), **{name: int(getattr(self, name)) for name in names}}


class BridgeClient:
    """Pushes requests and listens for replies on one Redis."""

    def __init__(self, url: str, ids: TaskIds, *, reply_timeout_s: float) -> None:
        """Connect and subscribe; raises redis.RedisError when that does not work within 5 s."""
        self.ids = ids
        self.ledger = Ledger(ids)
        self._reply_timeout_s = reply_timeout_s
        self._redis = redis.Redis.from_url(url, socket_timeout=reply_timeout_s, socket_connect_timeout=5.0)
        self._listener_redis = redis.Redis.from_url(url, socket_connect_timeout=5.0)
        self._subscribed = Event()
        self._closing = False
        self.listener_gaps = 0
        self._greenlet = gevent.spawn(self._listen)
        if not self._subscribed.wait(_SUBSCRIBE_TIMEOUT_S):
            self._greenlet.kill()
            raise redis.ConnectionError(f"could not subscribe to {REPLY_CHANNEL} within {_SUBSCRIBE_TIMEOUT_S:g} s")

    def exchange(self, message: dict[str, Any]) -> Reply:
        """Push one request and wait for its reply."""
        task_id = str(message["task_id"])
        detail: dict[str, Any] = {"task_id": task_id}
        result = self.ledger.expect(task_id)
        try:
            self._redis.lpush(REQUEST_LIST, orjson.dumps(message))
        except redis.RedisError as error:
            reply = connection_failure(error)
            if _was_refused(error):
                self.ledger.forget(task_id)
                reply.detail["refused"] = True
            else:
                # A push that failed may have reached the list all the same, so its reply is still expected.
                self.ledger.overdue(task_id)
            reply.detail.update(detail)
            return reply
        try:
            body, arrived_ns = result.get(timeout=self._reply_timeout_s)
        except gevent.Timeout:
            self.ledger.overdue(task_id)
            detail["error"] = f"no reply within {self._reply_timeout_s:g} s"
            return Reply(Outcome.TIMEOUT, detail=detail)
        reply = _judge(body, detail)
        reply.end_ns = arrived_ns
        return reply

    def settle(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for replies that nobody waits for any longer: late is not lost."""
        with gevent.Timeout(timeout_s, False):
            while self.ledger.lost:
                gevent.sleep(0.05)

    def close(self) -> None:
        """Stop listening and disconnect."""
        self._closing = True
        self._greenlet.kill()
        self._redis.close()
        self._listener_redis.close()

    def _listen(self) -> None:
        while not self._closing:
            try:
                self._listen_once()
            except redis.RedisError:
                # Replies published while nobody listens are gone: said in the end marker, so that no loss is blamed
                # on the bridge.
                self.listener_gaps += 1
                gevent.sleep(0.1)

    def _listen_once(self) -> None:
        with self._listener_redis.pubsub() as channel:
            channel.subscribe(REPLY_CHANNEL)
            for item in channel.listen():
                if item["type"] == "subscribe":
                    self._subscribed.set()
                elif item["type"] == "message":
                    self._take(item["data"])

    def _take(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        try:
            reply = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.ledger.unknown += 1
            return
        if isinstance(reply, dict):
            self.ledger.take(reply, now_ns)
        else:
            self.ledger.unknown += 1


def _was_refused(error: BaseException) -> bool:
    """Whether there was no connection at all: redis-py wraps the reason in errors of its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _judge(body: dict[str, Any], detail: dict[str, Any]) -> Reply:
    meta = body.get("meta") if isinstance(body.get("meta"), dict) else {}
    for key in ("stages_ms", "attempts", "redelivered", "agent_id"):
        if meta and key in meta:
            detail[key] = meta[key]
    source = body.get("source") if body.get("source") in ("letta", "memory-python") else ""
    if body.get("error"):
        detail["error"] = str(body.get("error_type") or "error reply")[:100]
        return Reply(Outcome.ERROR, body=body, source=str(source), detail=detail)
    if not body.get("response_text"):
        detail["error"] = "a reply without response_text"
        return Reply(Outcome.ERROR, body=body, source=str(source), detail=detail)
    return Reply(Outcome.OK, body=body, source=str(source), detail=detail)
