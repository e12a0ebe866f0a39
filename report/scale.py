"""Where on an axis does a value stand, and where do its ticks go? Pure; an axis runs from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`, linear or logarithmic; values beyond an end stand at that end."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"an axis must go up, and a logarithmic one from above zero, found {self}")

    def at(self, value: float) -> float:
        """Return the place of a value between 0 and 1."""
        if self.log:
            value = max(value, self.low)
            place = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            place = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, place))

    def ticks(self, count: int = 5) -> list[float]:
        """Return about `count` round values on the axis: powers of ten (and 3s or 2s and 5s) when logarithmic."""
        return self._log_ticks(count) if self.log else self._linear_ticks(count)

    def _linear_ticks(self, count: int) -> list[float]:
        rough = (self.high - self.low) / count
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * nice for nice in _NICE if unit * nice >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def _log_ticks(self, count: int) -> list[float]:
        low, high = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        decades = high - low
        steps = (1.0, 2.0, 5.0) if decades * 3 <= count * 1.6 else (1.0,)
        every = max(1, math.ceil(decades / count))
        ticks = [step * 10.0**power for power in range(low, high + 1, every) for step in steps]
        return [tick for tick in ticks if self.low * 0.999 <= tick <= self.high * 1.001]


def zero_based(highest: float) -> Scale:
    """Return a linear axis from zero that leaves a little room above the highest value."""
    return Scale(0.0, highest * 1.08 if highest > 0 else 1.0)


def seconds_words(value_s: float) -> str:
    """Write a tick of an axis of times: 250 µs, 5 ms, 2 s."""
    if value_s == 0:
        return "0"
    if value_s < 0.001:
        return f"{value_s * 1e6:g} µs"
    return f"{value_s * 1000:g} ms" if value_s < 1 else f"{value_s:g} s"


def share_words(value: float) -> str:
    """Write a tick of an axis of shares, in percent."""
    return f"{value * 100:.6g} %"
