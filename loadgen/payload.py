"""What do the messages say? Seeded text of a given size in tokens, built ahead of the run."""

from __future__ import annotations

import random

# About four bytes a token, the estimate that Letta 0.16.4 itself uses when no tokenizer is at hand.
_BYTES_PER_TOKEN = 4
_TEXTS = 256
_WORDS = (
    "remember that my sister visits in spring and likes green tea with a little honey while we talk about trains "
    "mountains old films new songs the garden the neighbour's cat and the long way home through rain or sun"
).split()


class Payload:
    """A ring of texts, different from each other, the same for the same seed."""

    def __init__(self, seed: int, user_tokens: int) -> None:
        """Build the texts; `user_tokens` is a user's message alone (most of 3,600 tokens in are the agent's own)."""
        source = random.Random(seed)  # noqa: S311 (text, not a secret)
        self._texts = [_text(source, user_tokens * _BYTES_PER_TOKEN) for _ in range(_TEXTS)]

    def text(self, number: int) -> str:
        """Return the text of one request."""
        return self._texts[number % _TEXTS]

    def query(self, number: int) -> str:
        """Return a short text to search for."""
        return self.text(number)[:40].rsplit(" ", 1)[0]


def _text(source: random.Random, size: int) -> str:
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(source.choice(_WORDS))
    return " ".join(words)
