"""What do the rivals send? The bodies and headers of the engine's messages, for tools that must be given them."""

from __future__ import annotations

import orjson

from loadgen.payload import Payload

_TEXTS = 256  # the length of the engine's ring of texts
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "User-Agent": "letta-slo",
}


def bodies() -> list[str]:
    """Return the bodies that the engine sends with seed 1 and 100 tokens a message, in their order."""
    payload = Payload(1, 100)
    texts = [payload.text(number) for number in range(_TEXTS)]
    return [orjson.dumps({"messages": [{"role": "user", "content": text}]}).decode() for text in texts]
