"""How does a reply leave exactly once, and its request Redis in the same moment?"""

from __future__ import annotations

import secrets
import time
from typing import Final

import orjson
from letta_otel.bridge import BridgeTelemetry
from letta_otel.sending import Sending

from testbed.bridge import names
from testbed.bridge.counters import Counters
from testbed.bridge.redis_link import Argument, RedisLink, Script, until_redis_is_back

# KEYS: mark of the task, own list, dead letters.
# ARGV: token of this reply, seconds of the mark, channel, reply ('' for none), entry, dead letter ('' for none), the
# limit of the dead letters.
# Returns: outcome, number of listeners (-1: not published).
_SETTLE: Final = """
local outcome, listeners, is_new = 'silent', -1, false
if ARGV[4] ~= '' then
  if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
    outcome, listeners, is_new = 'published', redis.call('PUBLISH', ARGV[3], ARGV[4]), true
  elseif redis.call('GET', KEYS[1]) == ARGV[1] then
    outcome = 'published'
  else
    outcome = 'duplicate'
  end
end
local held = redis.call('LREM', KEYS[2], 1, ARGV[5])
if ARGV[6] ~= '' and (held == 1 or is_new) then
  redis.call('LPUSH', KEYS[3], ARGV[6])
  redis.call('LTRIM', KEYS[3], 0, ARGV[7] - 1)
end
return {outcome, listeners}
"""


class Replies:
    """Publishes replies; while Redis is away they wait, and none is published twice or forgotten."""

    def __init__(
        self,
        link: RedisLink,
        instance: str,
        counters: Counters,
        telemetry: BridgeTelemetry,
        *,
        done_ttl_s: int,
        dead_letter_limit: int,
    ) -> None:
        self._own_list = names.processing(instance)
        self._instance = instance
        self._counters = counters
        self._telemetry = telemetry
        self._done_ttl_s = done_ttl_s
        self._dead_letter_limit = dead_letter_limit
        self._settle_script = Script(link, _SETTLE)

    async def publish(
        self, raw: bytes, task_id: str, reply: bytes, sending: Sending, *, dead_letter_reason: str | None = None
    ) -> bool:
        """Publish the reply unless the task is answered already, and let the entry go; return whether it was published.

        With a `dead_letter_reason` the entry is also kept aside.
        """
        outcome, listeners = await self._settle(raw, task_id, reply, dead_letter_reason)
        if outcome == "duplicate":
            self._count_duplicate()
        elif listeners is not None:
            sending.heard_by(listeners)
        return outcome == "published"

    async def put_aside(self, raw: bytes, reason: str) -> None:
        """Keep an entry aside for which nobody can be answered."""
        await self._settle(raw, "", b"", reason)

    async def drop_duplicate(self, raw: bytes) -> None:
        """Let an entry go whose task is answered already, or is in hand a second time."""
        await self._settle(raw, "", b"", None)
        self._count_duplicate()

    def _count_duplicate(self) -> None:
        self._counters.duplicates_suppressed += 1
        self._telemetry.duplicate()

    async def _settle(
        self, raw: bytes, task_id: str, reply: bytes, dead_letter_reason: str | None
    ) -> tuple[str, int | None]:
        keys = [names.done(task_id), self._own_list, names.DEAD_LETTERS]
        letter = b"" if dead_letter_reason is None else self._dead_letter(raw, dead_letter_reason)
        token = secrets.token_hex(8)  # tells a repetition of ours after a lost answer from somebody else's reply
        args: list[Argument] = [token, self._done_ttl_s, names.RESPONSES, reply, raw, letter, self._dead_letter_limit]
        outcome, listeners = await until_redis_is_back(lambda: self._settle_script.run(keys, args))
        if letter:
            self._counters.dead_lettered += 1
            self._telemetry.dead_letter()
        if listeners == 0:
            self._counters.unheard += 1
        return outcome.decode(), listeners if listeners >= 0 else None

    def _dead_letter(self, raw: bytes, reason: str) -> bytes:
        return orjson.dumps(
            {
                "reason": reason,
                "entry": raw.decode("utf-8", errors="backslashreplace"),
                "instance": self._instance,
                "timestamp": time.time(),
            }
        )
