"""What can go wrong in the observed scene on purpose, and how does it end?"""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

import httpx
import redis

from testbed.embedded import EmbeddedTestbed
from testbed.pipeline.rig import Pipeline

_TIMEOUT_S: Final = 10.0


class Faults:
    """Each begins at once; `heal` ends all but those that end by themselves, which are those with a time."""

    def __init__(self, bed: EmbeddedTestbed, pipeline: Pipeline) -> None:
        self._bed = bed
        self._pipeline = pipeline
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._http = self._open.enter_context(httpx.Client(timeout=_TIMEOUT_S, trust_env=False))
        where = self._bed.redis
        self._redis = self._open.enter_context(redis.Redis(host=where.host, port=where.port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def letta_fails(self, *, share: float = 1.0, status: int = 500) -> None:
        """The Letta stub answers a share of everything with an error."""
        self._behave("letta-stub", operation="*", kind="status", status=status, share=share)

    def letta_is_slow(self, delay_s: float, *, share: float = 1.0) -> None:
        """The Letta stub takes so much longer for a share of everything."""
        self._behave("letta-stub", operation="*", kind="slow", delay_s=delay_s, share=share)

    def letta_is_down(self, for_s: float) -> None:
        """The Letta stub refuses connections: the bridge falls back, and its circuit opens."""
        self._bed.take_letta_down(for_s)

    def model_fails(self, *, share: float = 1.0, status: int = 429) -> None:
        """The model answers with an error: 429 is a spent quota. Both Lettas ask this one."""
        self._behave("llm-stub", operation="chat", kind="status", status=status, share=share)

    def model_is_slow(self, delay_s: float, *, share: float = 1.0) -> None:
        """The model takes so much longer."""
        self._behave("llm-stub", operation="chat", kind="slow", delay_s=delay_s, share=share)

    def fallback_is_absent(self) -> None:
        """memory-python takes nothing, as if it were not running."""
        control = self._bed.part("memory-python").announced["control"]
        self._http.put(f"{control}/behaviour", json={"mode": "absent"}).raise_for_status()

    def redis_is_blocked(self, for_s: float) -> None:
        """Redis answers nobody, the exporter included."""
        self._redis.client_pause(round(for_s * 1000))

    def bridge_dies(self) -> None:
        """The bridge is killed as by a crash; `heal` starts another."""
        self._bed.part("bridge").kill()

    def garbage_arrives(self, entries: int = 1) -> None:
        """Entries come that no bridge can read."""
        for number in range(entries):
            self._redis.lpush("letta_requests", json.dumps([number]))

    def cloud_fails(self, operation: str = "spans", **fault: Any) -> None:
        """A receiver of the cloud fails: `spans` is APM, `lines` LTS, `samples` AOM; by default it refuses us (401).

        While AOM fails, what is pushed stays in the collector's queue, and the Prometheus has the scraped series only.
        """
        self._pipeline.fail(operation=operation, **(fault or {"kind": "status", "status": 401}))

    def heal(self) -> None:
        """End what was begun."""
        for name in ("letta-stub", "llm-stub"):
            self._http.put(f"{self._control(name)}/behaviour", json={}).raise_for_status()
        self._http.post(f"{self._control('letta-stub')}/up").raise_for_status()
        self._http.put(f"{self._control('memory-python')}/behaviour", json={}).raise_for_status()
        self._redis.client_unpause()
        self._pipeline.heal()
        if not self._bed.part("bridge").is_running:
            self._bed.restart_bridge()

    def _behave(self, name: str, **fault: Any) -> None:
        self._http.put(f"{self._control(name)}/behaviour", json={"faults": [fault]}).raise_for_status()

    def _control(self, name: str) -> str:
        return str(self._bed.part(name).announced["control"])
