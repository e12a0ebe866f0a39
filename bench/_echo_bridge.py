"""What answers bridge requests at the lowest cost, so that the generator is measured? An echo, a double of a bridge."""

from __future__ import annotations

import sys
from typing import Any

import orjson
import redis

from loadgen.bridge_protocol import REPLY_CHANNEL, REQUEST_LIST
from testbed.process import announce

_BATCH = 64


def main(url: str) -> None:
    """Answer every request of the list until the process is ended."""
    with redis.Redis.from_url(url, socket_timeout=None) as client:  # it may wait for the first request for long
        announce(part="echo-bridge")
        while True:
            first = client.brpop([REQUEST_LIST])
            taken: Any = client.rpop(REQUEST_LIST, _BATCH) or []
            with client.pipeline(transaction=False) as pipeline:
                for raw in [first[1], *taken]:
                    pipeline.publish(REPLY_CHANNEL, _reply(raw))
                pipeline.execute()


def _reply(raw: bytes) -> bytes:
    task_id = orjson.loads(raw)["task_id"]
    return orjson.dumps({"task_id": task_id, "source": "letta", "response_text": "an echo", "meta": {}})


if __name__ == "__main__":
    main(sys.argv[1])
