"""How are the usual exporters started, each on a free port of loopback: for the host, for Redis, for PostgreSQL?"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx

from testbed.ports import HOST, free_port
from testbed.process import PartError, spawn, wait_until_ready

_READY_TIMEOUT_S: Final = 30.0
# What the bridge keeps in Redis, by type and length; an exporter of a cluster in use is given the same.
_KEYS: Final = "letta_requests,letta_bridge:fallback,letta_bridge:dead_letters,letta:user_agent_mapping"


def start_node_exporter(opening: ExitStack, log_dir: Path) -> str:
    """Start the exporter of the host and return its host:port; raises PartError."""
    return _start(opening, "prometheus-node-exporter", [], log_dir)


def start_redis_exporter(opening: ExitStack, log_dir: Path, redis_url: str) -> str:
    """Start the exporter of a Redis and return its host:port; raises PartError."""
    options = ["-redis.addr", redis_url.rpartition("/")[0], "-check-single-keys", _KEYS, "-include-system-metrics"]
    return _start(opening, "prometheus-redis-exporter", options, log_dir, flag="-web.listen-address")


def start_postgres_exporter(opening: ExitStack, log_dir: Path, uri: str) -> str:
    """Start the exporter of a PostgreSQL and return its host:port; raises PartError."""
    return _start(opening, "prometheus-postgres-exporter", [], log_dir, env={"DATA_SOURCE_NAME": uri})


def _start(
    opening: ExitStack,
    program: str,
    options: Sequence[str],
    log_dir: Path,
    *,
    flag: str = "--web.listen-address",
    env: Mapping[str, str] | None = None,
) -> str:
    found = shutil.which(program)
    if found is None:
        raise PartError(f"{program} is not on PATH: as root on Debian, apt-get install {program}")
    address = f"{HOST}:{free_port()}"
    part = opening.enter_context(spawn(program, [found, f"{flag}={address}", *options], log_dir=log_dir, env=env))

    def ask() -> bool | None:
        try:
            return True if httpx.get(f"http://{address}/", timeout=2.0, trust_env=False).is_success else None
        except httpx.TransportError:
            return None

    wait_until_ready(part, ask, timeout_s=_READY_TIMEOUT_S)
    return address
