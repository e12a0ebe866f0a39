"""Which loopback port is given to a program that cannot be told "any free one" and say which it took?"""

from __future__ import annotations

import secrets
import socket
from collections import deque
from pathlib import Path
from threading import Lock

from testbed.process import PartError

HOST = "127.0.0.1"
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_240  # below lie most of the ports that servers have by default, ours and the machine's
_HIGHEST = 65_535
_FEWEST = 1_000  # of these, chance finds a free one soon
_ATTEMPTS = 200
_lock = Lock()
_given: deque[int] = deque(maxlen=500)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and none that was returned a moment ago.

    It lies outside the range from which the kernel serves whoever asks for any port and every outgoing connection: a
    port from there could be gone before the program binds it, or while the program is down between two starts. Where
    that range leaves no room, it comes from anywhere. Raises PartError when no port is free.
    """
    choices = _outside(_ephemeral())
    with _lock:
        for _ in range(_ATTEMPTS):
            port = secrets.choice(choices)
            if port not in _given and _is_free(port):
                _given.append(port)
                return port
    where = f"{_ATTEMPTS} of {len(choices)} between {choices[0]} and {choices[-1]}"
    raise PartError(f"no free port on {HOST}: tried {where}")


def _ephemeral() -> tuple[int, int]:
    if not _EPHEMERAL.is_file():  # not Linux; there it begins at 49152, as IANA has it (RFC 6335, section 6)
        return 49_152, _HIGHEST
    low, high = _EPHEMERAL.read_text().split()
    return int(low), int(high)


def _outside(ephemeral: tuple[int, int]) -> list[int]:
    low, high = ephemeral
    outside = [port for port in range(_LOWEST, _HIGHEST + 1) if not low <= port <= high]
    return outside if len(outside) >= _FEWEST else list(range(_LOWEST, _HIGHEST + 1))


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
