"""When is it whose turn? Slices of time for two targets that one run drives in turns, in pairs of a drawn order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadgen.plan import Phases

Windows = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Turns:
    """Pairs of slices, a slice for each target; a gap after each slice lets its last answers come in.

    Which target goes first is drawn for each pair, so what comes and goes with the period of the pairs strikes each as
    often. Each target has a warm-up of its own before the pairs, judged by nobody.
    """

    pairs: int
    slice_s: float
    gap_s: float
    warmup_s: float
    seed: int

    def __post_init__(self) -> None:
        """Refuse turns without a pair or of no length."""
        if self.pairs < 1 or self.slice_s <= 0 or min(self.gap_s, self.warmup_s) < 0:
            raise ValueError(f"turns need a pair and a slice of some length, and no negative gap or warm-up: {self}")

    @property
    def phases(self) -> Phases:
        """The phases of the run, the same for both targets."""
        return Phases(self._first_pair_s, self.pairs * 2 * self._one_s)

    @property
    def windows_s(self) -> tuple[Windows, Windows]:
        """The windows of the base and those of the candidate; the last `pairs` of each are the pairs in their order."""
        warmup_at_s = (0.0, self._first_pair_s / 2)
        sides: list[list[tuple[float, float]]] = [
            [(at_s, at_s + self.warmup_s)] if self.warmup_s else [] for at_s in warmup_at_s
        ]
        first = np.random.default_rng([self.seed, *b"turns"]).integers(2, size=self.pairs).tolist()
        for pair, goes_first in enumerate(first):
            for place, side in enumerate((goes_first, 1 - goes_first)):
                start_s = self._first_pair_s + (2 * pair + place) * self._one_s
                sides[side].append((start_s, start_s + self.slice_s))
        return tuple(sides[0]), tuple(sides[1])

    @property
    def _one_s(self) -> float:
        return self.slice_s + self.gap_s

    @property
    def _first_pair_s(self) -> float:
        return 2 * (self.warmup_s + self.gap_s) if self.warmup_s else 0.0
