"""How long does a healthy model server take, unless told otherwise?"""

from __future__ import annotations

from testbed.stub.behaviour import Behaviour, Operations, ServiceTime

OPERATIONS = Operations(
    names=("chat", "embeddings", "models"),
    streaming=("chat",),
    timings=("first_token", "stream_token"),
)

_TAIL = 0.4  # p95 is 1.93 times the median

DEFAULTS = Behaviour(
    service_times={
        # p95 = 579 ms: keeps the objective "a model call under 2 s", and so do messages with Letta's own 40 ms.
        "chat": ServiceTime(300, _TAIL),
        "first_token": ServiceTime(130, _TAIL),  # a small hosted model
        "stream_token": ServiceTime(10),  # 100 tokens a second
        "embeddings": ServiceTime(15, _TAIL),  # leaves room under the 100 ms of a vector search
        "*": ServiceTime(2),
    },
    settings={"reply_tokens": 24.0},
)
