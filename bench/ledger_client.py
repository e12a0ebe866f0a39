"""How does a benchmark start its target, and ask it? Beside what a stub of Letta answers, a stall planned ahead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import httpx

from bench.target import Target
from testbed.process import python_part, start

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class LedgerTarget(Target):
    """A running ledger target (a test double)."""

    pid: int

    def with_agents(self, count: int) -> Self:
        """Return the same target with so many agents: it knows none, so any id will do."""
        return replace(self, agents=tuple(f"agent-00000000-0000-4000-8000-{index:012d}" for index in range(count)))

    def plan_stall(self, after_s: float, for_s: float) -> None:
        """Forget what was, and stand still for `for_s`, beginning `after_s` after the first arrival of the next run."""
        self.forget()  # else the first arrival would be that of the run before
        self._control.put("/stall", json={"after_s": after_s, "for_s": for_s}).raise_for_status()

    def counters(self) -> dict[str, int]:
        """Return the ledger's counts: requests, their bytes, and what was out of order."""
        return dict(self._control.get("/ledger/counters").json())


@contextmanager
def ledger_target(folder: Path, service: str) -> Iterator[LedgerTarget]:
    """Run one with service times as `bench.service_times` reads them."""
    command = python_part("bench.ledger_target", "--service", service)
    with ExitStack() as stack:
        part = stack.enter_context(start("ledger-target", command, log_dir=folder, cwd=_ROOT))
        # Its one thread answers here, too, and may be standing still.
        control = httpx.Client(base_url=str(part.announced["control"]), timeout=30.0, trust_env=False)
        yield LedgerTarget(str(part.announced["url"]), (), stack.enter_context(control), part.pid)
