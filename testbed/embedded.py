"""Which systems does the suite verify when none is named? The whole embedded testbed on loopback, started and stopped.

memory-python stand-in ─┐
Redis (real) ── reference bridge ── Letta stub ── LLM stub
Everything but Redis and the bridge is a test double, and is called one wherever a verdict shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from testbed import double
from testbed.embedded_redis import EmbeddedRedis
from testbed.process import Part, PartError, log_tail, python_part, start

_CONTROL_TIMEOUT_S = 5.0
_MODEL = "openai-proxy/gpt-4o-mini"  # as a Letta names its models that has another OPENAI_BASE_URL


class EmbeddedTestbed:
    """Started on entry, stopped on exit in the reverse order; each part dies with this process at the latest."""

    def __init__(
        self,
        log_dir: Path,
        *,
        behaviour: dict[str, Any] | None = None,
        agent_tag: str = "",
        bridges: int = 1,
        has_llm: bool = True,
        bridge_variables: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """`behaviour` sets service times and faults of the Letta stub; the bridges' agents carry `agent_tag`.

        Without the LLM stub the Letta stub takes the model's time itself, for less CPU.
        `bridge_variables` are further environment variables of the bridges.
        """
        self._log_dir = log_dir
        self._behaviour = behaviour
        self._agent_tag = agent_tag
        self._bridges = bridges
        self._has_llm = has_llm
        self._bridge_variables = dict(bridge_variables or {})
        self._say = say
        self._stack = ExitStack()
        self._parts: dict[str, Part] = {}
        self._redis: EmbeddedRedis | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def letta_url(self) -> str:
        """Address of the Letta stub."""
        return str(self._parts["letta-stub"].announced["url"])

    @property
    def letta_control(self) -> str:
        """Address at which the Letta stub's behaviour is set and its ledger read."""
        return str(self._parts["letta-stub"].announced["control"])

    @property
    def redis(self) -> EmbeddedRedis:
        """The Redis that the bridge listens on."""
        if self._redis is None:
            raise RuntimeError("this testbed was started without a bridge")
        return self._redis

    def part(self, name: str) -> Part:
        """Return a running part by its name."""
        return self._parts[name]

    def take_letta_down(self, for_s: float) -> None:
        """Let the Letta stub refuse connections and reset open ones for a while; it comes back by itself.

        Raises PartError when the stub does not take the order.
        """
        try:
            told = httpx.post(f"{self.letta_control}/down", json={"for_s": for_s}, timeout=_CONTROL_TIMEOUT_S)
            told.raise_for_status()
        except httpx.HTTPError as error:
            log = log_tail(self._parts["letta-stub"].log)
            raise PartError(f"the Letta stub could not be told to go down: {error}\n{log}") from error

    def restart_bridge(self) -> None:
        """Start the (first) bridge again after it died."""
        self._start_bridge("bridge")

    def _start(self) -> None:
        options = ["--behaviour", json.dumps(self._behaviour)] if self._behaviour else []
        if self._has_llm:
            self._say("LLM stub")
            llm = self._run("llm-stub", "testbed.llm_stub", "--port", "0", "--control-port", "0")
            options += ["--llm", f"{llm.announced['url']}/v1"]
        self._say("Letta stub")
        self._run("letta-stub", "testbed.letta_stub", "--port", "0", "--control-port", "0", *options)
        if self._bridges:
            self._say("Redis, memory-python stand-in and reference bridge")
            self._redis = self._stack.enter_context(EmbeddedRedis(self._log_dir))
            self._redis.put(double.KEY, "behind this bridge stands a stub of Letta")
            self._run("memory-python", "testbed.memory_python", "--port", "0", env=self._redis_variables())
            for number in range(self._bridges):
                self._start_bridge("bridge" if number == 0 else f"bridge-{number + 1}")

    def _start_bridge(self, name: str) -> None:
        variables = {
            **self._redis_variables(),
            "LETTA_API_URL": self.letta_url,
            "LETTA_MODEL": _MODEL,
            "LETTA_BRIDGE_AGENT_TAGS": self._agent_tag,
            **self._bridge_variables,
        }
        self._run(name, "testbed.bridge", "--port", "0", env=variables)

    def _redis_variables(self) -> dict[str, str]:
        return {"REDIS_HOST": self.redis.host, "REDIS_PORT": str(self.redis.port)}

    def _run(self, name: str, module: str, *arguments: str, env: dict[str, str] | None = None) -> Part:
        part = start(name, python_part(module, *arguments), log_dir=self._log_dir, env=env)
        self._stack.enter_context(part)
        self._parts[name] = part
        return part
