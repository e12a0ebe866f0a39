"""Which agent may a session use? A pool in which an agent never has two messages in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent prepared on the target, and its index in the plan."""

    index: int
    id: str


class AgentPool:
    """Lends agents out, least recently used first, and hands out any of them for requests that are no messages."""

    def __init__(self, ids: Sequence[str], worker: int = 0, workers: int = 1) -> None:
        """Take this worker's share of the agents to lend: two workers never lend the same one."""
        self._everybody = [Agent(index, agent_id) for index, agent_id in enumerate(ids)]
        self._free = deque(self._everybody[worker::workers])
        self._turn = worker

    def borrow(self) -> Agent | None:
        """Return an agent with no message in flight, or None when all are busy."""
        return self._free.popleft() if self._free else None

    def give_back(self, agent: Agent) -> None:
        """Take a borrowed agent back."""
        self._free.append(agent)

    def any(self) -> Agent | None:
        """Return the next agent in turn, busy or not, for requests that are no messages; None when there is none."""
        if not self._everybody:
            return None
        self._turn = (self._turn + 1) % len(self._everybody)
        return self._everybody[self._turn]
