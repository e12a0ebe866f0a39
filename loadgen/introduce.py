"""How does a bridge get to know its users before they come in numbers? By a first message of each.

The bridge makes an agent for whoever is new. A thousand new users at once are a load of their own, which says nothing
about the rate that is driven.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence

import redis

from loadgen.bridge_protocol import REPLY_CHANNEL, REQUEST_LIST
from loadgen.target import TargetError

_AT_A_TIME = 32  # more than a bridge makes agents at once, and few enough to be answered long before the patience ends
_PATIENCE_S = 30.0

Report = Callable[[int, int], None]


def introduce(redis_url: str, user_ids: Sequence[str], *, report: Report = lambda _done, _all: None) -> None:
    """Send one message of each user and wait for its reply, a few at a time.

    Raises TargetError when Redis fails, or a bridge does not answer within half a minute.
    """
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=_PATIENCE_S) as client, client.pubsub() as channel:
            channel.subscribe(REPLY_CHANNEL)
            for first in range(0, len(user_ids), _AT_A_TIME):
                some = user_ids[first : first + _AT_A_TIME]
                asked = {str(uuid.uuid4()): user for user in some}
                client.lpush(REQUEST_LIST, *(_message(task, user) for task, user in asked.items()))
                _wait_for(channel, set(asked))
                report(first + len(some), len(user_ids))
    except redis.RedisError as error:
        raise TargetError(
            f"the users could not be introduced to the bridge: {type(error).__name__}: {error}"
        ) from error


def _message(task_id: str, user_id: str) -> str:
    said = {
        "task_id": task_id,
        "type": "text",
        "user_id": user_id,
        "content": "Good morning.",
        "timestamp": time.time(),
    }
    return json.dumps({**said, "meta": {"memory_type": "permanent"}})


def _wait_for(channel: redis.client.PubSub, tasks: set[str]) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while tasks:
        left_s = give_up - time.monotonic()
        if left_s <= 0:
            raise TargetError(
                f"the bridge did not answer the first message of {len(tasks)} users within {_PATIENCE_S:g} s; "
                f"is it running, and on this Redis?"
            )
        said = channel.get_message(ignore_subscribe_messages=True, timeout=left_s)
        if said is not None:
            tasks.discard(json.loads(said["data"]).get("task_id"))
