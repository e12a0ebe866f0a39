"""Which pictures does the report draw, and what does each show? One function a chart, each returning a drawing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from report.drill import Drill
from report.scale import Scale, seconds_words, share_words, zero_based
from report.series import Arrivals, Busy, Distribution, Floats, OverTime, Replies, Steps
from report.svg import Frame
from report.words import percent, seconds

_TALL = 210
_LARGE_SPREAD = 12.0  # from here on a linear axis squashes what matters into its lowest lines


@dataclass(frozen=True, slots=True)
class Legend:
    """A swatch of a class, and its words."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its words: what it shows, and figures under the pointer for who has one."""

    title: str
    drawing: Markup
    legend: tuple[Legend, ...]
    note: str
    hover: dict[str, object]


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What stands behind every chart over time: phases in seconds, and when faults struck."""

    phases_s: Mapping[str, tuple[float, float]]
    faults_s: tuple[float, ...]
    judged: frozenset[str] = frozenset()

    def draw(self, frame: Frame) -> None:
        """Shade warm-up, drill and recovery, mark the faults, and underline the phases that were judged."""
        for phase, (start, end) in self.phases_s.items():
            frame.band(start, end, phase, "warm-up" if phase == "warmup" else phase)
            if phase in self.judged:
                frame.underline(start, end, "judged")
        for fault_s in self.faults_s:
            frame.upright(fault_s, "fault")


def response_over_time(times: OverTime, limit_s: float | None, backdrop: Backdrop, measure: str) -> Chart:
    """Median, p95 and highest of what an objective measures, against its limit, with bad requests beneath."""
    seen = times.highest_s[np.isfinite(times.highest_s)]
    highest = max([float(seen.max()) if len(seen) else 0.0, limit_s or 0.0, 1e-3])
    lowest = float(np.nanmin(times.p50_s)) if np.isfinite(times.p50_s).any() else highest / 10
    is_log = highest > _LARGE_SPREAD * (limit_s or lowest * 3)
    y = Scale(max(lowest / 2, highest / 1e5, 1e-6), highest * 1.3, log=True) if is_log else zero_based(highest)
    frame = _over_seconds(times.steps, y, backdrop, seconds_words, height=_TALL)
    x = times.steps.middles_s.tolist()
    frame.area(x, times.p50_s.tolist(), times.p95_s.tolist(), "area")
    frame.line(x, times.highest_s.tolist(), "line high")
    frame.line(x, times.p95_s.tolist(), "line p95")
    frame.line(x, times.p50_s.tolist(), "line p50")
    _mark_bad(frame, times)
    if limit_s is not None:
        frame.across(limit_s, "limit", f"limit {seconds_words(limit_s)}")
    bad = int(times.bad.sum())
    return Chart(
        f"{measure} over time",
        frame.markup(f"{measure} per step of {times.steps.width_s:g} s: median, p95 and highest; {bad} bad requests"),
        _RESPONSE_LEGEND,
        "Good answers by the second in which they were due" + (", logarithmic scale." if is_log else "."),
        _hover(times.steps, {"median": _times(times.p50_s), "p95": _times(times.p95_s),
                             "slowest": _times(times.highest_s), "bad": _counts(times.bad, times.total)}),
    )  # fmt: skip


def bad_over_time(times: OverTime, backdrop: Backdrop) -> Chart:
    """Requests a step, and how many of them were bad: for objectives that measure no time."""
    width = times.steps.width_s
    frame = _over_seconds(times.steps, zero_based(float(times.total.max()) / width), backdrop, lambda v: f"{v:g}")
    x = times.steps.middles_s.tolist()
    rate = (times.total / width).tolist()
    frame.area(x, [0.0] * len(x), rate, "area")
    frame.line(x, rate, "line p50")
    for number in np.flatnonzero(times.bad).tolist():
        edges = times.steps.edges_s
        left, right = frame.x.at(float(edges[number])), frame.x.at(float(edges[number + 1]))
        title = f"{edges[number]:g} s: {times.bad[number]:,} of {times.total[number]:,} bad"
        frame.rect(left, 0.0, right, frame.y.at(float(times.bad[number]) / width), "bad", title)
    return Chart(
        "Requests a second, good and bad",
        frame.markup(f"requests a second over the run; {int(times.bad.sum())} of {int(times.total.sum())} were bad"),
        (Legend("p50", "requests a second"), Legend("bad", "bad requests"), Legend("judged", "judged")),
        "By the second in which they were due, all phases.",
        _hover(times.steps, {"requests": [f"{n:,}" for n in times.total.tolist()],
                             "bad": _counts(times.bad, times.total)}),
    )  # fmt: skip


def slower_than(shares: Distribution, limit_s: float | None, allowed_bad: float, bad_share: float) -> Chart:
    """Share of requests at least that slow, both axes logarithmic: the curve must pass below the forbidden corner."""
    low, high = float(shares.value_s[0]), float(shares.value_s[-1])
    floor = min(0.5 / shares.total, allowed_bad / 3)
    x = Scale(min(low, limit_s or low) * 0.9, max(high, limit_s or high) * 1.6, log=True)
    frame = Frame(x, Scale(floor, 1.25, log=True), height=_TALL)
    if limit_s is not None:
        frame.rect(x.at(limit_s), frame.y.at(allowed_bad), 1.0, 1.0, "corner")
    frame.grid([(v, share_words(v)) for v in frame.y.ticks(6)], [(v, seconds_words(v)) for v in _spread(x, x.ticks(4))])
    if limit_s is not None:
        frame.upright(limit_s, "limit", f"limit {seconds_words(limit_s)}")
        frame.across(allowed_bad, "allowed", f"allowed {share_words(allowed_bad)}", at_left=True)
    # Failed requests are slower than anything, so the curve ends level, at their share.
    shares_at_least = [*shares.share_at_least.tolist(), *[shares.failed_share] * 2]
    frame.line([*shares.value_s.tolist(), high, x.high], [v or math.nan for v in shares_at_least], "line p95")
    if limit_s is not None and bad_share > 0:
        frame.dot(limit_s, bad_share, "dot-bad" if bad_share > allowed_bad else "dot-good")
    beyond = f"{percent(bad_share)} at or beyond the limit, failed ones included" if limit_s is not None else ""
    return Chart(
        "Share of requests at least that slow",
        frame.markup(f"share of requests at least as slow as a time, logarithmic; {beyond}"),
        (Legend("p95", "judged requests"), Legend("corner", "over the budget")),
        f"{beyond.capitalize()}. The curve must pass below the shaded corner." if beyond else "",
        {},
    )


def arrivals_over_time(seen: Arrivals, backdrop: Backdrop) -> Chart:
    """Arrivals that the schedule meant, and arrivals that left."""
    highest = max(float(seen.intended_per_s.max()), float(seen.reached_per_s.max()), 1.0)
    frame = _over_seconds(seen.steps, zero_based(highest), backdrop, lambda v: f"{v:g}")
    x = seen.steps.middles_s.tolist()
    frame.area(x, [0.0] * len(x), seen.reached_per_s.tolist(), "area")
    frame.line(x, seen.reached_per_s.tolist(), "line p50")
    frame.line(x, seen.intended_per_s.tolist(), "line intended")
    return Chart(
        "Arrivals a second, intended and reached",
        frame.markup("arrivals a second that the schedule intended, and that were reached"),
        (Legend("intended", "intended"), Legend("p50", "reached")),
        "Sessions count once, by their first request.",
        _hover(seen.steps, {"intended": [f"{v:.1f}/s" for v in seen.intended_per_s],
                            "reached": [f"{v:.1f}/s" for v in seen.reached_per_s]}),
    )  # fmt: skip


def lag_over_time(seen: Arrivals, allowed_s: float | None, backdrop: Backdrop) -> Chart:
    """How late requests left, p99 of each step."""
    known = seen.lag_p99_s[np.isfinite(seen.lag_p99_s)]
    highest = float(known.max()) if len(known) else 1e-3
    shows_limit = allowed_s is not None and highest > allowed_s / 20
    frame = _over_seconds(
        seen.steps, zero_based(max(highest, allowed_s if shows_limit and allowed_s else 0.0)), backdrop, seconds_words
    )
    frame.line(seen.steps.middles_s.tolist(), seen.lag_p99_s.tolist(), "line p50")
    if shows_limit and allowed_s is not None:
        frame.across(allowed_s, "limit", f"allowed {seconds_words(allowed_s)}")
    limit = f" At most {seconds_words(allowed_s)} is allowed over the run." if allowed_s is not None else ""
    return Chart(
        "Schedule lag, p99",
        frame.markup(f"99th percentile of the schedule lag per step, at most {seconds(highest)}"),
        (Legend("p50", "actual start after intended start"),),
        "How late requests left the generator." + limit,
        _hover(seen.steps, {"lag p99": _times(seen.lag_p99_s)}),
    )


def busy_over_time(seen: Busy, steps: Steps, backdrop: Backdrop) -> Chart:
    """How busy the generator and the machine were, and what the hypervisor took."""
    top = max(1.0, float(seen.generator.max()))
    frame = _over_seconds(steps, Scale(0.0, top), backdrop, lambda v: f"{v:.0%}")
    x = seen.seconds.tolist()
    frame.line(x, seen.machine.tolist(), "line high")
    frame.line(x, seen.generator.tolist(), "line p95")
    frame.line(x, seen.steal.tolist(), "line steal")
    return Chart(
        "Load of the machine",
        frame.markup(f"load of the machine: busiest worker at most {seen.generator.max():.0%} of a core"),
        (Legend("p95", "busiest worker, of one core"), Legend("high", "machine, of all cores"),
         Legend("steal", "stolen by the hypervisor")),
        "",
        {},
    )  # fmt: skip


def replies_around(seen: Replies, drill: Drill) -> Chart:
    """Who answered the bridge's requests, second by second, around a fault."""
    stacks = list(zip(_WHO, (seen.by_letta, seen.by_routing, seen.by_fallback, seen.failed), strict=True))
    most = float((seen.by_letta + seen.by_routing + seen.by_fallback + seen.failed).max())
    x = Scale(float(seen.edges_s[0]), float(seen.edges_s[-1]))
    frame = Frame(x, zero_based(max(most, 1.0)), height=160)
    frame.band(drill.began_s, drill.ended_s, "drill", drill.name)
    frame.grid([(v, f"{v:g}") for v in frame.y.ticks(3)], [(v, f"{v:g} s") for v in _spread(x, x.ticks(5))])
    for number, second in enumerate(seen.edges_s[:-1].tolist()):
        base = 0.0
        for kind, counts in stacks:
            count = float(counts[number])
            if count:
                left, right = x.at(second + 0.08), x.at(second + 0.92)
                title = f"{second:g} s: {count:g} {_WHO[kind]}"
                frame.rect(left, frame.y.at(base), right, frame.y.at(base + count), kind, title)
                base += count
    return Chart(
        "Who answered, second by second",
        frame.markup("replies of the bridge a second around the fault, by who answered"),
        tuple(Legend(kind, words) for kind, words in _WHO.items()),
        "By the second of the reply; the shaded stretch is the fault.",
        {},
    )


_RESPONSE_LEGEND = (
    Legend("p50", "median"),
    Legend("p95", "p95"),
    Legend("high", "slowest"),
    Legend("bad", "bad requests"),
    Legend("judged", "judged"),
)
_WHO = {
    "by-letta": "by Letta",
    "by-routing": "by memory-python, temporary memory",
    "by-fallback": "by memory-python, as fallback",
    "by-nobody": "an error, or none in time",
}


def _over_seconds(
    steps: Steps, y: Scale, backdrop: Backdrop, words: Callable[[float], str], *, height: int = 180
) -> Frame:
    frame = Frame(Scale(0.0, float(steps.edges_s[-1])), y, height=height)
    backdrop.draw(frame)
    frame.grid([(v, words(v)) for v in y.ticks(4)], [(v, f"{v:g} s") for v in _spread(frame.x, frame.x.ticks(6))])
    return frame


def _spread(x: Scale, ticks: list[float]) -> list[float]:
    """Leave out ticks that would touch the one before on a phone."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or x.at(tick) - x.at(kept[-1]) > 0.13:
            kept.append(tick)
    return kept


def _mark_bad(frame: Frame, times: OverTime) -> None:
    """Put a tick at the foot of every step that had bad requests, taller where more of them were."""
    edges, half = times.steps.edges_s.tolist(), 0.002
    for number in np.flatnonzero(times.bad).tolist():
        share = float(times.bad[number] / max(1, times.total[number]))
        middle = frame.x.at((edges[number] + edges[number + 1]) / 2)
        title = f"{edges[number]:g} s: {times.bad[number]:,} of {times.total[number]:,} bad"
        frame.rect(middle - half, 0.0, middle + half, 0.04 + 0.3 * share, "bad", title)


def _hover(steps: Steps, rows: dict[str, list[str]]) -> dict[str, object]:
    return {"from": 0, "step": steps.width_s, "to": float(steps.edges_s[-1]), "rows": rows}


def _times(values: Floats) -> list[str]:
    return [seconds(value) if np.isfinite(value) else "–" for value in values.tolist()]


def _counts(
    bad: np.ndarray[tuple[int], np.dtype[np.int64]], total: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> list[str]:
    return [f"{b:,} of {t:,}" for b, t in zip(bad.tolist(), total.tolist(), strict=True)]
