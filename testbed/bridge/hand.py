"""Which entries does this bridge have in hand, and how do they stay in Redis until they are answered?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from testbed.bridge import names
from testbed.bridge.redis_link import RedisLink, Script

# Put back an entry that the bridge was given and never saw. A death did not do it, so the count of deaths stays.
# KEYS: own list, requests, count of the entry. ARGV: entry, seconds that the count is kept.
_PUT_BACK_ONE: Final = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('INCRBY', KEYS[3], 0)
redis.call('EXPIRE', KEYS[3], ARGV[2])
return 1
"""
# Move the oldest entries into the own list and return them, the oldest first. KEYS: requests, own list. ARGV: how many.
_TAKE_MORE: Final = """
local taken = {}
while #taken < tonumber(ARGV[1]) do
  local entry = redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT')
  if not entry then break end
  taken[#taken + 1] = entry
end
return taken
"""
REDELIVERY_TTL_S: Final = 86_400
_TAKE_TIMEOUT_S: Final = 0.5  # also the longest that an idle bridge needs to notice that it shall stop


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a request before it came into this hand; `deaths` counts the bridges that died over it."""

    is_answered: bool
    was_put_back: bool
    deaths: int


class Hand:
    """Takes entries from the request list; each stands in a list of this bridge until it is let go."""

    def __init__(self, link: RedisLink, instance: str) -> None:
        self._link = link
        self._own_list = names.processing(instance)
        self._held: Counter[bytes] = Counter()
        self._put_back_one = Script(link, _PUT_BACK_ONE)
        self._take_more = Script(link, _TAKE_MORE)

    @property
    def size(self) -> int:
        """Number of entries in hand."""
        return self._held.total()

    async def take(self) -> bytes | None:
        """Move the oldest entry into the own list and return it, or None when the list stayed empty for half a second.

        When this raises one of AWAY, Redis may have moved an entry that never arrived here: call put_back_unseen next.
        """
        raw: bytes | None = await self._link.blocking(
            "BLMOVE", names.REQUESTS, self._own_list, "RIGHT", "LEFT", _TAKE_TIMEOUT_S
        )
        if raw is not None:
            self._held[raw] += 1
        return raw

    async def take_more(self, most: int) -> list[bytes]:
        """Move what there is, up to `most` entries, without waiting for any; what holds for `take` holds here, too."""
        taken: list[bytes] = await self._take_more.run([names.REQUESTS, self._own_list], [most])
        self._held.update(taken)
        return taken

    async def history(self, raw: bytes, task_id: str) -> History:
        """Return what Redis remembers of a request."""
        deaths, done = await self._link.command("MGET", _redeliveries(raw), names.done(task_id))
        return History(is_answered=done is not None, was_put_back=deaths is not None, deaths=int(deaths or 0))

    def let_go(self, raw: bytes) -> None:
        """Forget an entry that was answered (it is no longer in the own list)."""
        self._held[raw] -= 1
        if self._held[raw] <= 0:
            del self._held[raw]

    async def put_back_unseen(self) -> int:
        """Give entries back that Redis moved for this bridge but that never arrived; return how many.

        Never to be called while `take` is under way: what that is about to return would count as unseen.
        """
        listed = await self._link.command("LRANGE", self._own_list, 0, -1)
        unseen = Counter(listed) - self._held
        given_back = 0
        for raw in unseen.elements():
            keys = [self._own_list, names.REQUESTS, _redeliveries(raw)]
            given_back += int(await self._put_back_one.run(keys, [raw, REDELIVERY_TTL_S]))
        return given_back


def _redeliveries(raw: bytes) -> str:
    return names.redeliveries(sha1(raw, usedforsecurity=False).hexdigest())
