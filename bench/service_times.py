"""How long does the benchmark's target work on request number N? The same for every tool, from a seed."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Self

import numpy as np

_DRAWS = 2**17  # more than 2,000 a second for a minute; later numbers begin again


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """A ring of times in nanoseconds."""

    ring_ns: array[int]

    @classmethod
    def constant(cls, ms: float) -> Self:
        """Return the same time for all."""
        return cls(array("q", [round(ms * 1e6)]))

    @classmethod
    def lognormal(cls, median_ms: float, sigma: float, seed: int) -> Self:
        """Return times whose natural logarithm is normal with this sigma."""
        draws_ms = np.random.default_rng(seed).lognormal(np.log(median_ms), sigma, _DRAWS)
        return cls(array("q", (draws_ms * 1e6).astype(np.int64).tolist()))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `constant:MS` or `lognormal:MEDIAN_MS:SIGMA:SEED`; raises ValueError."""
        kind, *numbers = text.split(":")
        if kind == "constant" and len(numbers) == 1:
            return cls.constant(float(numbers[0]))
        if kind == "lognormal" and len(numbers) == 3:
            return cls.lognormal(float(numbers[0]), float(numbers[1]), int(numbers[2]))
        raise ValueError(f"service times are constant:MS or lognormal:MEDIAN_MS:SIGMA:SEED, found {text!r}")

    @property
    def mean_s(self) -> float:
        """The mean of the ring in seconds."""
        return sum(self.ring_ns) / len(self.ring_ns) / 1e9

    @property
    def longest_s(self) -> float:
        """The longest of the ring in seconds."""
        return max(self.ring_ns) / 1e9

    def of(self, number: int) -> int:
        """Return nanoseconds for the request with this number."""
        return self.ring_ns[number % len(self.ring_ns)]
