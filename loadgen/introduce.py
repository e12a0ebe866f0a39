"""How does a bridge get to know its users before they come in numbers? By a first message of each.

The bridge makes an agent for whoever is new. A thousand new users at once are a load of their own, which says nothing
about the rate that is driven.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence

import redis

from loadgen.bridge_exchange import exchange
from loadgen.bridge_protocol import request
from loadgen.guard import redact
from loadgen.target import TargetError

_AT_A_TIME = 32  # more than a bridge makes agents at once, and few enough to be answered long before the patience ends
_PATIENCE_S = 30.0

Report = Callable[[int, int], None]


def introduce(
    redis_url: str,
    user_ids: Sequence[str],
    *,
    report: Report = lambda _done, _all: None,
    patience_s: float = _PATIENCE_S,
) -> None:
    """Send one message of each user and wait for its reply, a few at a time.

    Raises TargetError when Redis fails, or a bridge leaves one of them without a reply for `patience_s`.
    """
    try:
        with redis.Redis.from_url(redis_url, socket_connect_timeout=5.0, socket_timeout=5.0) as client:
            for first in range(0, len(user_ids), _AT_A_TIME):
                some = [request(str(uuid.uuid4()), user, "Good morning.") for user in user_ids[first:][:_AT_A_TIME]]
                replies = exchange(client, some, time.monotonic() + patience_s)
                if len(replies) < len(some):
                    raise TargetError(
                        f"the bridge did not answer the first message of {len(some) - len(replies)} users within "
                        f"{patience_s:g} s; does one run on Redis at {redact(redis_url)}?"
                    )
                report(first + len(some), len(user_ids))
    except redis.RedisError as error:
        raise TargetError(f"Redis at {redact(redis_url)}: {type(error).__name__}: {error}") from error
