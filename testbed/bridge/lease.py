"""Which bridges are alive, and what becomes of the requests of a dead one?"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import Final

from letta_otel.conventions import attributes

from testbed.bridge import names
from testbed.bridge.hand import REDELIVERY_TTL_S
from testbed.bridge.redis_link import AWAY, Argument, RedisLink, Script, until_redis_is_back

# Say that a bridge is alive, unless another process says so under the same name.
# KEYS: lease, instances. ARGV: instance, token of the process, lease in ms.
_RENEW: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[2], ARGV[1])
return 1
"""
# Put the entries of a bridge back where they were taken from, so that the oldest is the next to be taken.
# KEYS: lease, own list, requests, instances. ARGV: instance, prefix of the counts of deaths, their seconds, deaths to
# add, token of the process if it gives its own list back, else ''.
_PUT_BACK_ALL: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[5] then return -1 end
local moved = 0
while true do
  local entry = redis.call('LMOVE', KEYS[2], KEYS[3], 'LEFT', 'RIGHT')
  if not entry then break end
  local count = ARGV[2] .. redis.sha1hex(entry)
  redis.call('INCRBY', count, ARGV[4])
  redis.call('EXPIRE', count, ARGV[3])
  moved = moved + 1
end
redis.call('SREM', KEYS[4], ARGV[1])
if holder then redis.call('DEL', KEYS[1]) end
return moved
"""
_RENEWALS_PER_LEASE = 4  # three renewals may fail before anybody takes this bridge for dead
_CLAIM_POLL_S = 0.1

log = logging.getLogger("bridge.lease")


class NameTakenError(Exception):
    """Another live bridge goes by the same instance id."""


class Lease:
    """The sign of life of one bridge."""

    def __init__(self, link: RedisLink, instance: str, lease_s: float) -> None:
        self._link = link
        self._instance = instance
        self._lease_s = lease_s
        self._token = secrets.token_hex(8)
        self._renew = Script(link, _RENEW)
        self._put_back_all = Script(link, _PUT_BACK_ALL)

    @property
    def renewal_s(self) -> float:
        """Seconds between two signs of life."""
        return self._lease_s / _RENEWALS_PER_LEASE

    async def claim(self) -> None:
        """Take the name; waits while Redis is away, and for the lease of a dead process of the same name to run out.

        Raises NameTakenError when the other process turns out to be alive.
        """
        give_up_at = time.monotonic() + self._lease_s + 1.0
        while not await until_redis_is_back(self._try_renew):
            if time.monotonic() > give_up_at:
                raise NameTakenError(f"another live bridge has the instance id {self._instance!r}")
            await asyncio.sleep(_CLAIM_POLL_S)

    async def renew(self) -> None:
        """Give one sign of life; while Redis is away there is nobody to give it to."""
        try:
            if not await self._try_renew():
                log.error(
                    "another bridge uses this instance id", extra={attributes.MESSAGING_CLIENT_ID: self._instance}
                )
        except AWAY as error:
            log.warning("redis is away", extra={attributes.ERROR_TYPE: type(error).__name__})

    async def recover_the_dead(self) -> int:
        """Put the entries of all bridges back that give no sign of life any more; return how many."""
        recovered = 0
        for member in await self._link.command("SMEMBERS", names.INSTANCES):
            instance = member.decode()
            if instance != self._instance:
                recovered += max(0, await self._put_back(instance, deaths=1, token=""))
        return recovered

    async def inherit(self) -> int:
        """Put back what a dead process of the same name had in hand; only before anything is taken."""
        return await self._put_back(self._instance, deaths=1, token=self._token, then_renew=True)

    async def resign(self) -> int:
        """Put back what is still in hand and end the lease; return how many entries."""
        return await self._put_back(self._instance, deaths=0, token=self._token)

    async def _try_renew(self) -> bool:
        keys = [names.lease(self._instance), names.INSTANCES]
        return bool(await self._renew.run(keys, [self._instance, self._token, int(self._lease_s * 1000)]))

    async def _put_back(self, instance: str, *, deaths: int, token: str, then_renew: bool = False) -> int:
        keys = [names.lease(instance), names.processing(instance), names.REQUESTS, names.INSTANCES]
        args: list[Argument] = [instance, names.REDELIVERIES_PREFIX, REDELIVERY_TTL_S, deaths, token]
        moved = int(await self._put_back_all.run(keys, args))
        if then_renew:
            await self._try_renew()
        if moved > 0:
            log.info(
                "requests put back",
                extra={attributes.LETTA_BRIDGE_FROM_INSTANCE: instance, attributes.LETTA_BRIDGE_ENTRIES: moved},
            )
        return moved
