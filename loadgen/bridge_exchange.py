"""How are a few requests sent to a bridge and their replies heard, where no load is driven? With an ordinary client."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.client import PubSub

from loadgen.bridge_protocol import REPLY_CHANNEL, REQUEST_LIST, reply_in


def exchange(client: Redis, requests: Sequence[dict[str, Any]], until: float) -> dict[str, dict[str, Any]]:
    """Push the requests and return, by their `task_id`, the replies that came until then (monotonic clock, seconds).

    It listens from just before the push until the last reply only: on a busy bridge, replies that nobody reads would
    fill Redis's buffer for us until it hangs up. Raises redis.RedisError.
    """
    replies: dict[str, dict[str, Any]] = {}
    waited_for = {str(one["task_id"]) for one in requests}
    channel: PubSub
    with client.pubsub() as channel:  # type: ignore[no-untyped-call] # redis-py leaves it unannotated
        channel.subscribe(REPLY_CHANNEL)
        is_pushed = False
        while waited_for and (left_s := until - time.monotonic()) > 0:
            item = channel.get_message(timeout=left_s)
            if item is None:
                continue
            if item["type"] == "subscribe" and not is_pushed:  # not before: a reply could come unheard
                client.lpush(REQUEST_LIST, *(json.dumps(one) for one in requests))
                is_pushed = True
            reply = reply_in(item["data"])
            if reply is not None and reply.get("task_id") in waited_for:
                waited_for.discard(reply["task_id"])
                replies[reply["task_id"]] = reply
    return replies
