"""What does an agent carry before its first message? Memory blocks and a history of given sizes, always the same words.

An agent without a history flatters a server: Letta reads all of it for every message, and sends it to the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from loadgen.payload import Payload

_SEED = 0  # every agent carries the same words, in every run: runs are compared with each other
_PIECE_TOKENS = 50
_SMALLEST = {
    "human": "The user is a load test; it tells the same stories again and again.",
    "persona": "I am patient and answer in a sentence.",
}


@dataclass(frozen=True, slots=True)
class AgentShape:
    """Sizes in tokens, by Letta's own estimate of four bytes each; an agent of the default is as good as empty.

    `core_tokens` are those of all memory blocks, `history_tokens` those of all `history_messages` together.
    """

    core_tokens: int = 0
    history_messages: int = 0
    history_tokens: int = 0

    def __post_init__(self) -> None:
        """Refuse negative sizes, and tokens of a history without a message."""
        if min(self.core_tokens, self.history_messages, self.history_tokens) < 0:
            raise ValueError(f"sizes must not be negative, found {self}")
        if bool(self.history_messages) != bool(self.history_tokens):
            raise ValueError(f"a history has messages and tokens or neither, found {self}")

    def blocks(self) -> dict[str, str]:
        """Return label → text of the memory blocks."""
        share = self.core_tokens // len(_SMALLEST)
        return {
            label: _text(share, number) if share else text for number, (label, text) in enumerate(_SMALLEST.items())
        }

    def messages(self) -> list[dict[str, Any]]:
        """Return the history as `initial_message_sequence` of Letta 0.16.4 takes it: no model is asked for it.

        All are a user's. Letta turns one of an assistant into a call of a tool that its agents do not have, which a
        model might then imitate.
        """
        if not self.history_messages:
            return []
        share = self.history_tokens // self.history_messages
        return [{"role": "user", "content": _text(share, number)} for number in range(self.history_messages)]


@lru_cache(maxsize=1024)
def _text(tokens: int, number: int) -> str:
    """Return a text of about this many tokens, another one for each number."""
    pieces = -(-tokens // _PIECE_TOKENS)
    ring = _ring(-(-tokens // pieces))
    return " ".join(ring.text(number * pieces + piece) for piece in range(pieces))


@lru_cache(maxsize=16)
def _ring(tokens: int) -> Payload:
    return Payload(_SEED, tokens)
