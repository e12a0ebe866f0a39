"""Which Letta agent belongs to a user, and who creates it when there is none yet?"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from testbed.bridge import names
from testbed.bridge.endings import end
from testbed.bridge.letta_client import LettaClient, LettaFailure
from testbed.bridge.redis_link import AWAY, RedisLink, Script

# The agent of a user, unless the user was away for too long; looking it up counts as use.
# KEYS: map, last uses. ARGV: user, now in s, longest idle time in s (0: any).
_LOOKUP: Final = """
local agent = redis.call('HGET', KEYS[1], ARGV[1])
if not agent then return false end
local used = redis.call('ZSCORE', KEYS[2], ARGV[1])
if used and tonumber(ARGV[3]) > 0 and tonumber(ARGV[2]) - tonumber(used) > tonumber(ARGV[3]) then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  return false
end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return agent
"""
# Keep a new agent, unless somebody was faster; return the agent that holds. An older bridge let the whole map expire.
# KEYS: map, last uses. ARGV: user, agent, now in s.
_STORE: Final = """
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
redis.call('PERSIST', KEYS[1])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
return redis.call('HGET', KEYS[1], ARGV[1])
"""
# Forget an agent, unless the user has another one by now. KEYS: map, last uses. ARGV: user, agent.
_FORGET: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
"""
# Forget users who were away for too long. KEYS: map, last uses. ARGV: oldest use that holds in s.
_FORGET_IDLE: Final = """
local idle = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, 500)
for _, user in ipairs(idle) do
  redis.call('HDEL', KEYS[1], user)
  redis.call('ZREM', KEYS[2], user)
end
return #idle
"""
# Take the lock of a user's creation; that of a bridge which gives no sign of life any more counts for nothing.
# KEYS: lock. ARGV: our instance, prefix of the leases, longest time of a creation in ms.
_LOCK: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and redis.call('EXISTS', ARGV[2] .. holder) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
"""
# Give a lock back, if it is still ours. KEYS: lock. ARGV: our instance.
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

_OTHER_CREATOR_POLL_S = 0.05
_LOCK_MARGIN_S = 1.0


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """What the agents that the bridge creates look like."""

    model: str
    embedding: str
    tags: tuple[str, ...]
    memory_backend: str

    def body(self, user_id: str) -> dict[str, Any]:
        """Return the body that creates the agent of a user."""
        return {
            "name": f"user_{secrets.token_hex(6)}",  # Letta restricts names; the user stands in the metadata
            "model": self.model,
            "embedding": self.embedding,
            "memory_blocks": [{"label": "human", "value": "", "tags": list(self.tags)}],
            "include_base_tools": True,
            "tags": list(self.tags),
            "metadata": {"user_id": user_id, "memory_backend": self.memory_backend},
        }


class Sessions:
    """The map of users to agents in Redis, shared by all bridges."""

    def __init__(
        self,
        link: RedisLink,
        letta: LettaClient,
        plan: AgentPlan,
        *,
        instance: str,
        session_ttl_s: int,
        creation_timeout_s: float,
        max_creations: int,
    ) -> None:
        self._letta = letta
        self._plan = plan
        self._instance = instance
        self._session_ttl_s = session_ttl_s
        self._creation_timeout_s = creation_timeout_s
        self._slots = asyncio.Semaphore(max_creations)
        self._creations: dict[str, asyncio.Task[str]] = {}
        self._lookup, self._store = Script(link, _LOOKUP), Script(link, _STORE)
        self._forget, self._forget_idle = Script(link, _FORGET), Script(link, _FORGET_IDLE)
        self._lock, self._release = Script(link, _LOCK), Script(link, _RELEASE)

    async def agent_for(self, user_id: str, *, timeout_s: float) -> str:
        """Return the id of the user's agent, created if need be.

        A creation that outlasts `timeout_s` goes on in the background, so that a later request finds the agent; this
        call then raises LettaFailure("agent_creation_slow"). Raises LettaFailure when Letta refuses, and one of AWAY
        without Redis.
        """
        found = await self._find(user_id)
        if found is not None:
            return found
        try:
            async with asyncio.timeout(timeout_s):
                creation = self._creations.get(user_id) or await self._begin_creation(user_id)
                return await asyncio.shield(creation)
        except TimeoutError as error:
            raise LettaFailure("agent_creation_slow", is_sick=False) from error

    async def forget(self, user_id: str, agent_id: str) -> None:
        """Drop an agent that Letta does not know any more; another one that took its place stays."""
        await self._forget.run([names.USER_AGENTS, names.USER_AGENTS_USED], [user_id, agent_id])

    async def forget_idle(self) -> int:
        """Drop some of the users who were away for too long; return how many."""
        if self._session_ttl_s == 0:
            return 0
        oldest_s = time.time() - self._session_ttl_s
        return int(await self._forget_idle.run([names.USER_AGENTS, names.USER_AGENTS_USED], [oldest_s]))

    async def close(self) -> None:
        """End the creations that are under way; their locks are given back."""
        await end(self._creations.values())

    async def _find(self, user_id: str) -> str | None:
        found = await self._lookup.run(
            [names.USER_AGENTS, names.USER_AGENTS_USED], [user_id, time.time(), self._session_ttl_s]
        )
        return None if found is None else found.decode()

    async def _begin_creation(self, user_id: str) -> asyncio.Task[str]:
        await self._slots.acquire()
        if user_id in self._creations:  # somebody was faster while this one waited for a slot
            self._slots.release()
            return self._creations[user_id]
        creation = asyncio.create_task(self._create_once(user_id), name=f"create the agent of {user_id}")
        self._creations[user_id] = creation
        creation.add_done_callback(lambda task: self._end_creation(user_id, task))
        return creation

    def _end_creation(self, user_id: str, creation: asyncio.Task[str]) -> None:
        del self._creations[user_id]
        self._slots.release()
        if not creation.cancelled():
            creation.exception()  # whoever still waits gets it too; asked for here so that it counts as seen

    async def _create_once(self, user_id: str) -> str:
        """Create the agent unless another bridge does; the lock outlives the call to Letta, so there is one at most."""
        lock = names.creation_lock(user_id)
        lock_ms = int((self._creation_timeout_s + _LOCK_MARGIN_S) * 1000)
        give_up_at = time.monotonic() + self._creation_timeout_s
        while not await self._lock.run([lock], [self._instance, names.LEASE_PREFIX, lock_ms]):
            await asyncio.sleep(_OTHER_CREATOR_POLL_S)
            found = await self._find(user_id)
            if found is not None:
                return found
            if time.monotonic() > give_up_at:
                raise LettaFailure("agent_creation_slow", is_sick=False)
        try:
            return await self._find(user_id) or await self._create(user_id)
        finally:
            await self._give_back(lock)

    async def _create(self, user_id: str) -> str:
        created = await self._letta.create_agent(self._plan.body(user_id), timeout_s=self._creation_timeout_s)
        holds = await self._store.run([names.USER_AGENTS, names.USER_AGENTS_USED], [user_id, created, time.time()])
        return str(holds.decode())

    async def _give_back(self, lock: str) -> None:
        try:
            await self._release.run([lock], [self._instance])
        except AWAY:
            return  # the lock expires by itself
