"""How is a panel drawn as SVG: lines over time, states over time, and buckets as a field of squares?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from typing import Final

from dashboards.proof.board import Threshold
from dashboards.proof.formats import say
from dashboards.proof.series import Series, Stretch

COLOURS: Final = (
    "#2f6fb5",
    "#c4572b",
    "#3d8b5f",
    "#8557a6",
    "#a9812a",
    "#3a9aa8",
    "#b8467e",
    "#6c7a2e",
    "#5b6478",
    "#a33b3b",
)
_NAMED: Final = {"green": "#3d8b5f", "orange": "#c77d22", "yellow": "#c9a227", "red": "#c03a3a", "blue": "#2f6fb5"}
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 8.0, 6.0, 20.0
_ROWS: Final = 4
_TICKS: Final = 5
_GAP_STEPS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Line:
    """One series to draw, with what the legend calls it."""

    name: str
    series: Series


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a drawing stands: its size in pixels, the time it shows, and the unit of its values."""

    width: float
    height: float
    stretch: Stretch
    unit: str

    def x(self, time_s: float) -> float:
        """Return the place of a time."""
        share = (time_s - self.stretch.from_s) / max(self.stretch.seconds, 1e-9)
        return _LEFT + share * (self.width - _LEFT - _RIGHT)

    def y(self, share: float) -> float:
        """Return the place of a value as a share of the scale."""
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)


def colour(name: str) -> str:
    """Return a colour that Grafana names; what it does not is plain."""
    return _NAMED.get(name.rpartition("-")[2], COLOURS[0])


def of_value(value: float, thresholds: Sequence[Threshold]) -> str:
    """Return the colour that holds at a value."""
    reached = [one for one in thresholds if one.value is None or value >= one.value]
    return colour(reached[-1].colour) if reached else COLOURS[0]


def lines(frame: Frame, drawn: Sequence[Line], thresholds: Sequence[Threshold]) -> str:
    """Return a diagram of lines; gaps stay open."""
    values = [value for one in drawn for _, value in one.series.finite]
    low, high = _scale(values)
    parts = [*_grid(frame, low, high), *_limits(frame, thresholds, low, high)]
    for number, one in enumerate(drawn):
        path = _path(frame, one.series, low, high)
        parts.append(f'<path d="{path}" fill="none" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="1.5"/>')
    return _svg(frame, parts)


def states(frame: Frame, drawn: Sequence[Line], thresholds: Sequence[Threshold]) -> str:
    """Return a bar for each series, coloured by its value at each time."""
    parts = list(_times(frame))
    step = (frame.height - _TOP - _BOTTOM) / max(len(drawn), 1)
    for number, one in enumerate(drawn):
        top = _TOP + number * step
        samples = one.series.finite
        for (time, value), (until, _) in zip(samples, [*samples[1:], (frame.stretch.to_s, 0.0)], strict=True):
            left, right = frame.x(time), frame.x(until)
            fill = of_value(value, thresholds)
            parts.append(_box((left, top + 2), (max(right - left, 1), min(step - 4, 22)), fill))
        parts.append(f'<text x="4" y="{top + 14:.0f}" class="name">{escape(one.name[:60])}</text>')
    return _svg(frame, parts)


def field(frame: Frame, drawn: Sequence[Line]) -> str:
    """Return a heatmap: each series is a bucket, darker where more fell into it."""
    order = sorted(drawn, key=lambda one: _edge(one.series))
    most = max((value for one in order for _, value in one.series.finite), default=0.0) or 1.0
    parts = list(_times(frame))
    step = (frame.height - _TOP - _BOTTOM) / max(len(order), 1)
    for number, one in enumerate(order):
        bottom = frame.height - _BOTTOM - number * step
        samples = one.series.finite
        wide = max((frame.width - _LEFT - _RIGHT) / max(len(samples), 1), 1.5)
        for time, value in samples:
            if value > 0:
                shade = f'fill-opacity="{0.15 + 0.85 * value / most:.2f}"'
                parts.append(_box((frame.x(time), bottom - step), (wide, step), COLOURS[0], shade))
        parts.append(f'<text x="4" y="{bottom - step / 2 + 4:.0f}" class="tick">{escape(one.name[:9])}</text>')
    return _svg(frame, parts)


def _edge(series: Series) -> float:
    edge = series.label("le")
    return math.inf if edge in ("", "+Inf") else float(edge)


def _scale(values: Sequence[float]) -> tuple[float, float]:
    low, high = min([*values, 0.0]), max(values, default=1.0)
    if high <= low:
        return low, low + (abs(low) or 1.0)
    return low, high + (high - low) * 0.05


def _grid(frame: Frame, low: float, high: float) -> Iterator[str]:
    for number in range(_ROWS + 1):
        share = number / _ROWS
        y = frame.y(share)
        yield f'<line x1="{_LEFT}" x2="{frame.width - _RIGHT:.0f}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        text = escape(say(low + share * (high - low), frame.unit))
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="tick" text-anchor="end">{text}</text>'
    yield from _times(frame)


def _times(frame: Frame) -> Iterator[str]:
    form = "%H:%M:%S" if frame.stretch.seconds < 3600 else "%H:%M" if frame.stretch.seconds < 172_800 else "%m-%d"
    for number in range(_TICKS):
        time = frame.stretch.from_s + (number + 0.5) / _TICKS * frame.stretch.seconds
        text = datetime.fromtimestamp(time, UTC).strftime(form)
        place = f'x="{frame.x(time):.1f}" y="{frame.height - 5:.0f}"'
        yield f'<text {place} class="tick" text-anchor="middle">{text}</text>'


def _limits(frame: Frame, thresholds: Sequence[Threshold], low: float, high: float) -> Iterator[str]:
    for one in thresholds:
        if one.value is not None and low <= one.value <= high:
            y = frame.y((one.value - low) / (high - low))
            yield (
                f'<line x1="{_LEFT}" x2="{frame.width - _RIGHT:.0f}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{colour(one.colour)}" stroke-dasharray="5 4"/>'
            )


def _path(frame: Frame, series: Series, low: float, high: float) -> str:
    samples = series.finite
    steps = [later[0] - earlier[0] for earlier, later in pairwise(samples)]
    gap_s = _GAP_STEPS * min(steps, default=1.0)
    words = []
    last_s = -math.inf
    for time, value in samples:
        move = "L" if time - last_s <= gap_s else "M"
        words.append(f"{move}{frame.x(time):.1f} {frame.y((value - low) / (high - low)):.1f}")
        last_s = time
    return " ".join(words) if len(samples) > 1 else f"{words[0]} h4" if words else ""


def _box(corner: tuple[float, float], size: tuple[float, float], fill: str, more: str = "") -> str:
    (x, y), (width, height) = corner, size
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" {more}/>'


def _svg(frame: Frame, parts: Sequence[str]) -> str:
    size = f'width="{frame.width:.0f}" height="{frame.height:.0f}" viewBox="0 0 {frame.width:.0f} {frame.height:.0f}"'
    return f'<svg {size} role="img">{"".join(parts)}</svg>'
