"""Which vector stands for a text? A made-up one, such that texts that share words are close to each other."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any

import numpy as np

DIMENSION = 1536  # of text-embedding-3-small
_WORD = re.compile(r"\w+")


def embed(text: str, dimension: int = DIMENSION) -> np.ndarray[Any, Any]:
    """Return a unit vector (float32): the sum of a pseudo-random vector for each word, the same in every process."""
    words = _WORD.findall(text.lower()) or [""]
    total = np.zeros(dimension, dtype=np.float32)
    for word in words:
        total += _word_vector(word, dimension)
    return total / np.linalg.norm(total)


@lru_cache(maxsize=4096)  # at 1,536 floats a word: 25 MB at most
def _word_vector(word: str, dimension: int) -> np.ndarray[Any, Any]:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).standard_normal(dimension, dtype=np.float32)
