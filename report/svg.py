"""How is a chart put together from shapes? A frame whose widths are per cent and whose heights are pixels.

So one drawing serves a phone and a wide screen: text keeps its size, lines their width. Colours come from the classes
of the page's style sheet, which knows light, dark and paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite

from markupsafe import Markup, escape

from report.scale import Scale

_TOP, _BOTTOM = 18, 26
_WIDE = 1000  # units of a path's own x axis, stretched over the width of the page
_PX_PER_LETTER, _NARROW_PX = 6.4, 300  # what a label takes, and the width of a plot on a phone


@dataclass(slots=True)
class Frame:
    """A plot under construction: shapes are added from back to front."""

    x: Scale
    y: Scale
    height: int = 180
    _shapes: list[str] = field(default_factory=list)

    def markup(self, label: str) -> Markup:
        """Return the finished drawing; `label` says in words what is to be seen."""
        height = self.height + _TOP + _BOTTOM
        opening = f'<svg class="plot" role="img" width="100%" height="{height}" aria-label="{escape(label)}">'
        return Markup(opening + "".join(self._shapes) + "</svg>")  # noqa: S704 - every text in it went through escape()

    def px(self, y: float) -> float:
        """Return the height of a value in pixels from the top."""
        return _TOP + self.height * (1 - self.y.at(y))

    def grid(self, words_y: Iterable[tuple[float, str]], words_x: Iterable[tuple[float, str]]) -> None:
        """Draw lines and words for the ticks of both axes."""
        for value, words in words_y:
            y = self.px(value)
            self._line(0, y, 100, y, "grid")
            self._text(0, y, words, "tick", "end", dx=-8, dy=4)
        for value, words in words_x:
            place = self.x.at(value)
            anchor = "start" if place < 0.02 else "end" if place > 0.98 else "middle"
            self._text(place * 100, _TOP + self.height, words, "tick", anchor, dy=18)

    def band(self, start: float, end: float, kind: str, words: str = "") -> None:
        """Shade a stretch of the x axis; its words are left out where they would not fit on a phone."""
        left, right = self.x.at(start), self.x.at(end)
        self.rect(left, 0.0, right, 1.0, f"band {kind}")
        if words and len(words) * _PX_PER_LETTER < (right - left) * _NARROW_PX:
            self._text(left * 100, _TOP, words, "band-words", "start", dx=3, dy=-6)

    def underline(self, start: float, end: float, kind: str) -> None:
        """Draw a thick line along a stretch of the x axis."""
        y = _TOP + self.height + 1
        self._line(self.x.at(start) * 100, y, self.x.at(end) * 100, y, kind)

    def rect(self, left: float, bottom: float, right: float, top: float, /, kind: str, title: str = "") -> None:  # noqa: PLR0917 - four sides
        """Fill a rectangle given by places between 0 and 1."""
        y, tall = _TOP + self.height * (1 - top), self.height * (top - bottom)
        inside = f"<title>{escape(title)}</title>" if title else ""
        self._shapes.append(
            f'<rect x="{left * 100:.3f}%" y="{y:.1f}" width="{(right - left) * 100:.3f}%" height="{tall:.1f}" '
            f'class="{kind}">{inside}</rect>'
        )

    def line(self, xs: Sequence[float], ys: Sequence[float], kind: str) -> None:
        """Draw a line through points; it is broken where a value is not finite, and a lone point becomes a dash."""
        path, pen_down = [], False
        for x, y in zip(xs, ys, strict=True):
            if isfinite(y):
                path.append(f"{'L' if pen_down else 'M'}{self.x.at(x) * _WIDE:.1f} {self._inner(y):.1f}")
                path += [] if pen_down else ["h.5"]
            pen_down = isfinite(y)
        self._path("".join(path), kind)

    def area(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], kind: str) -> None:
        """Fill between two lines; where a value is not finite nothing is filled."""
        for run in _unbroken([*zip(xs, lows, highs, strict=True)]):
            up = "L".join(f"{self.x.at(x) * _WIDE:.1f} {self._inner(high):.1f}" for x, _, high in run)
            down = "L".join(f"{self.x.at(x) * _WIDE:.1f} {self._inner(low):.1f}" for x, low, _ in reversed(run))
            self._path(f"M{up}L{down}Z", kind)

    def across(self, value: float, kind: str, words: str, *, at_left: bool = False) -> None:
        """Draw a line over the whole width at a value of the y axis, with words above one of its ends."""
        y = self.px(value)
        self._line(0, y, 100, y, kind)
        place, anchor = (0, "start") if at_left else (100, "end")
        self._text(place, y, words, f"{kind}-words", anchor, dx=4 if at_left else 0, dy=-5)

    def upright(self, value: float, kind: str, words: str = "") -> None:
        """Draw a line over the whole height at a value of the x axis, with words at its top."""
        place = self.x.at(value)
        self._line(place * 100, _TOP, place * 100, _TOP + self.height, kind)
        if words:
            self._text(place * 100, _TOP, words, f"{kind}-words", "end" if place > 0.5 else "start", dy=-6)

    def dot(self, x: float, y: float, kind: str, words: str = "") -> None:
        """Put a point, with words beside it."""
        place = self.x.at(x)
        self._shapes.append(f'<circle cx="{place * 100:.3f}%" cy="{self.px(y):.1f}" r="4" class="{kind}"/>')
        if words:
            self._text(place * 100, self.px(y), words, "dot-words", "start", dx=8, dy=-6)

    def _inner(self, y: float) -> float:
        return self.height * (1 - self.y.at(y))

    def _path(self, path: str, kind: str) -> None:
        if path:
            self._shapes.append(
                f'<svg x="0" y="{_TOP}" width="100%" height="{self.height}" viewBox="0 0 {_WIDE} {self.height}" '
                f'preserveAspectRatio="none" aria-hidden="true"><path d="{path}" class="{kind}"/></svg>'
            )

    def _line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self._shapes.append(f'<line x1="{x1:.3f}%" y1="{y1:.1f}" x2="{x2:.3f}%" y2="{y2:.1f}" class="{kind}"/>')

    def _text(self, x: float, y: float, words: str, kind: str, anchor: str, *, dx: float = 0, dy: float = 0) -> None:
        self._shapes.append(
            f'<text x="{x:.3f}%" y="{y:.1f}" dx="{dx}" dy="{dy}" text-anchor="{anchor}" class="{kind}">'
            f"{escape(words)}</text>"
        )


def _unbroken(points: list[tuple[float, float, float]]) -> Iterable[list[tuple[float, float, float]]]:
    run: list[tuple[float, float, float]] = []
    for point in points:
        if all(isfinite(value) for value in point):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run
