"""Is the target there, and what is it? Control calls over HTTP, and one look at a Redis, before any load.

The doubles of the testbed say that they are doubles, so that no report of them can pass for one of a user's servers.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import redis

from loadgen.bridge_protocol import REPLY_CHANNEL
from loadgen.guard import GuardError, redact

# What the stub of Letta answers with, and what lies in the Redis of the testbed.
DOUBLE_HEADER = "x-letta-slo-test-double"
DOUBLE_KEY = "letta-slo:test-double"

_KEY_VARIABLE = "LETTA_API_KEY"
_TIMEOUT_S = 60.0
_PROBE_TIMEOUT_S = 10.0
_REDIS_TIMEOUT_S = 5.0


class TargetError(Exception):
    """The target could not be reached, or answered a control call with an error."""


@dataclass(frozen=True, slots=True)
class Found:
    """What answered at an address: its version, and whether it is a test double (or, for Redis, has one behind it)."""

    version: str
    is_double: bool


def check_letta(url: str) -> Found:
    """Return which Letta is there; raises TargetError when none answers, GuardError when its key cannot be sent."""
    with control(url) as client:
        response = client.get("/v1/health/", timeout=_PROBE_TIMEOUT_S)
        body = ok(response)
    if not isinstance(body, dict) or "version" not in body:
        raise TargetError(f"{redact(url)}/v1/health/ answered, but not like a Letta server (no version in it)")
    return Found(str(body["version"]), DOUBLE_HEADER in response.headers)


def check_redis(url: str) -> Found:
    """Return which Redis is there, having subscribed to a channel of it; raises TargetError and GuardError."""
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=_REDIS_TIMEOUT_S, socket_timeout=_REDIS_TIMEOUT_S
        ) as client:
            facts: Any = client.info("server")
            with client.pubsub() as channel:
                channel.subscribe(REPLY_CHANNEL)
                channel.get_message(timeout=_REDIS_TIMEOUT_S)  # raises when this user may not
            return Found(str(facts["redis_version"]), bool(client.exists(DOUBLE_KEY)))
    except TypeError as error:  # a word of the query became an argument that the client does not have
        raise GuardError(
            f"Redis at {redact(url)}: its address has a query with a setting that the Redis client does not know"
        ) from error
    except (redis.RedisError, ValueError) as error:
        raise TargetError(f"Redis at {redact(url)}: {type(error).__name__}: {error}") from error


@contextmanager
def control(url: str) -> Iterator[httpx.Client]:
    """Yield a client for control calls; what fails in it becomes a TargetError that names the server."""
    key = api_key()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    # The context of the standard library reads SSL_CERT_FILE, as the load's own connections do.
    context = ssl.create_default_context()
    try:
        with httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=_TIMEOUT_S, trust_env=False, verify=context
        ) as client:
            yield client
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TargetError(f"{redact(url)}: {type(error).__name__}: {error}{_hint(error)}") from error


def _hint(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "; name the file of its authority in SSL_CERT_FILE"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "; does a Letta server listen at this address, seen from this machine?"
    return ""


def api_key() -> str:
    """Return the key of the Letta server, empty when there is none; raises GuardError when no header can hold it."""
    key = os.environ.get(_KEY_VARIABLE, "")
    if not (key.isascii() and key.isprintable()):
        raise GuardError(f"{_KEY_VARIABLE} holds a control character (a line end?) or one beyond ASCII")
    return key


def ok(response: httpx.Response) -> Any:
    """Return the JSON of a good answer, None of an empty one; raises TargetError."""
    what = f"{redact(str(response.request.url))}: {response.request.method} answered {response.status_code}"
    if not response.is_success:
        raise TargetError(what)
    try:
        return response.json() if response.content else None
    except ValueError as error:
        raise TargetError(f"{what} with what is no JSON; is a Letta server behind this address?") from error
