"""How does a load request go through the Redis bridge, and which reply is its own?

One connection subscribes to `letta_responses` before the first request is pushed; every reply is matched by `task_id`.
"""

from __future__ import annotations

from typing import Any

import gevent
import greenlet
import hiredis
import orjson
import redis
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from loadgen.bridge_protocol import REPLY_CHANNEL, REQUEST_LIST
from loadgen.deadlines import Deadlines, TimeLimitError
from loadgen.http_client import connection_failure
from loadgen.ledger import Ledger, TaskIds, Waiting
from loadgen.redis_link import RedisLink
from loadgen.reply import Reply
from loadgen.samples import Outcome

_CONNECT_TIMEOUT_S = 5.0
_RETRY_S = 0.1


class BridgeClient:
    """Pushes requests and listens for replies on one Redis."""

    def __init__(self, url: str, ids: TaskIds, *, reply_timeout_s: float) -> None:
        """Connect and subscribe; raises OSError, redis.RedisError and GuardError when that does not work."""
        self.ids = ids
        self.ledger = Ledger(ids)
        self.listener_gaps = 0
        self._url = url
        self._reply_timeout_s = reply_timeout_s
        self._deadlines = Deadlines(reply_timeout_s)
        self._pusher: RedisLink | None = None
        self._connecting = BoundedSemaphore()
        self._hub = gevent.get_hub()
        self._listener_ended = Event()
        self._listener = self._subscribe()
        self._listening = gevent.spawn(self._keep_listening)

    def exchange(self, message: dict[str, Any]) -> Reply:
        """Push one request and wait for its reply."""
        task_id = str(message["task_id"])
        detail: dict[str, Any] = {"task_id": task_id}
        waiting = self.ledger.expect(task_id)
        self._deadlines.begin()
        try:
            self._push(orjson.dumps(message), waiting)
            self._wait(waiting)
        except TimeLimitError:
            self.ledger.overdue(task_id)
            return Reply(Outcome.TIMEOUT, detail={**detail, "error": f"no reply within {self._reply_timeout_s:g} s"})
        except (OSError, redis.RedisError) as error:
            return self._not_pushed(task_id, error, detail)
        finally:
            self._deadlines.end()
            waiting.greenlet = None
        reply = _judge(waiting.reply or {}, detail)
        reply.end_ns = waiting.arrived_ns
        return reply

    def settle(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for replies that nobody waits for any longer: late is not lost."""
        with gevent.Timeout(timeout_s, False):
            while self.ledger.lost:
                gevent.sleep(0.05)

    def close(self) -> None:
        """Stop listening and disconnect."""
        self._listening.kill()
        self._deadlines.close()
        self._listener.close()
        if self._pusher is not None:
            self._pusher.close()

    def _push(self, message: bytes, waiting: Waiting) -> None:
        def pushed(answer: Any) -> None:
            if isinstance(answer, Exception) and waiting.reply is None:
                waiting.fail(answer)

        link = self._pusher or self._connected()
        link.send(pushed, "LPUSH", REQUEST_LIST, message)

    def _wait(self, waiting: Waiting) -> None:
        waiting.greenlet = greenlet.getcurrent()
        while waiting.reply is None:
            if waiting.failure is not None:
                raise _as_error(waiting.failure)
            self._hub.switch()

    def _connected(self) -> RedisLink:
        """Connect once, however many find that there is no connection."""
        with self._connecting:
            if self._pusher is None:
                self._pusher = RedisLink(self._url, timeout_s=_CONNECT_TIMEOUT_S, on_end=self._pusher_ended)
            return self._pusher

    def _pusher_ended(self, error: OSError) -> None:
        del error  # whoever has pushed on it was told
        self._pusher = None

    def _not_pushed(self, task_id: str, error: Exception, detail: dict[str, Any]) -> Reply:
        reply = connection_failure(error)
        if isinstance(error, ConnectionRefusedError | redis.ResponseError):
            self.ledger.forget(task_id)
            reply.detail["refused"] = True
        else:
            # A push that failed may have reached the list all the same, so its reply is still expected.
            self.ledger.overdue(task_id)
        reply.detail.update(detail)
        return reply

    def _subscribe(self) -> RedisLink:
        link = RedisLink(
            self._url, timeout_s=_CONNECT_TIMEOUT_S, on_end=self._on_listener_end, on_message=self._on_message
        )
        try:
            link.ask(_CONNECT_TIMEOUT_S, "SUBSCRIBE", REPLY_CHANNEL)
        except BaseException:
            link.close()
            raise
        return link

    def _on_listener_end(self, error: OSError) -> None:
        del error
        self._listener_ended.set()

    def _keep_listening(self) -> None:
        """Subscribe again when the connection ended: replies published meanwhile are gone.

        The number of gaps is said in the end marker, so that no loss is blamed on the bridge.
        """
        while True:
            self._listener_ended.wait()
            self._listener_ended.clear()
            self.listener_gaps += 1
            gevent.sleep(_RETRY_S)
            try:
                self._listener = self._subscribe()
            except (OSError, redis.RedisError):
                self._listener_ended.set()

    def _on_message(self, item: list[Any], now_ns: int) -> None:
        try:
            reply = orjson.loads(item[2])
        except orjson.JSONDecodeError:
            self.ledger.unknown += 1
            return
        if isinstance(reply, dict):
            self.ledger.take(reply, now_ns)
        else:
            self.ledger.unknown += 1


def _as_error(failure: Exception) -> Exception:
    return redis.ResponseError(str(failure)) if isinstance(failure, hiredis.ReplyError) else failure


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
