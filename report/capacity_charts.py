"""Which pictures does the report of a capacity draw? Each figure against the rate, with its interval, and the knee."""

from __future__ import annotations

import math

from report.capacity import Capacity, rate_text
from report.capacity_step import StepReading
from report.charts import Chart, Legend
from report.scale import Scale, seconds_words, share_words, zero_based
from report.svg import Frame
from slo.percentile import Interval
from slo.scalability import Universal
from slo.search import Outcome
from slo.share import ShareJudgement

_TALL = 210
_LOWEST_USED = 0.01  # of an error budget; nothing below it matters here
_DOTS = {
    Outcome.MET: "dot-good",
    Outcome.NOT_MET: "dot-bad",
    Outcome.UNDECIDED: "dot-unsure",
    Outcome.INVALID: "dot-unsure",
    Outcome.TOO_FEW_AGENTS: "dot-unsure",
}
_OUTCOMES = (
    Legend("dot-good", "met"),
    Legend("dot-bad", "not met"),
    Legend("dot-unsure", "undecided or invalid"),
    Legend("knee", "the capacity lies here"),
)


def charts(capacity: Capacity) -> list[Chart]:
    """Return the pictures that the steps allow, the curve over replicas last."""
    drawn = [_used(capacity, name) for name in _limiting(capacity)]
    drawn += [_times(capacity), _kept_up(capacity)]
    if isinstance(capacity.scaling, Universal):
        drawn.append(_curve(capacity.scaling))
    return [chart for chart in drawn if chart is not None]


def _limiting(capacity: Capacity) -> list[str]:
    """Return the objective that came nearest to its limit, or went beyond it first; none where no share was judged."""
    step = capacity.first_not_met or capacity.last_met
    shares = {
        one.objective.name: one.judgement.lower / float(one.judgement.allowed_bad)
        for one in (step.run.objectives if step else ())
        if isinstance(one.judgement, ShareJudgement) and one.judgement.total
    }
    return [max(shares, key=lambda name: shares[name])] if shares else []


def _used(capacity: Capacity, name: str) -> Chart | None:
    """Draw the bad share of an objective, as part of what it allows."""
    judged = [(step, one) for step in capacity.steps if (one := _share_of(step, name)) is not None]
    if not judged:
        return None
    allowed = float(judged[0][1].allowed_bad)
    highest = max(1 / allowed, *(one.upper / allowed for _, one in judged))
    frame = _frame(capacity, Scale(_LOWEST_USED, min(highest, 1 / allowed) * 1.3, log=True))
    frame.grid([(used, share_words(used * allowed)) for used in frame.y.ticks(5)], _rates(frame.x))
    frame.across(1.0, "allowed", f"allowed {share_words(allowed)}", at_left=True)
    for step, one in judged:
        bad = (one.bad_share or 0.0) / allowed
        _whisker(frame, step.rate, one.lower / allowed, one.upper / allowed)
        frame.dot(step.rate, max(bad, _LOWEST_USED), _DOTS[step.outcome])
    return Chart(
        f"Bad share of {name}",
        frame.markup(f"bad share of {name} against the rate, with its bounds, and what is allowed"),
        _OUTCOMES,
        "Bounds are exact, each at 95 %; both axes are logarithmic.",
        {},
    )


def _times(capacity: Capacity) -> Chart | None:
    """Draw median and p95 against the rate."""
    known = [step for step in _by_rate(capacity) if step.p50 is not None and step.p95 is not None]
    values = [
        value for step in known for one in (step.p50, step.p95) if one for value in _ends(one) if 0 < value < math.inf
    ]
    if not values:
        return None
    frame = _frame(capacity, Scale(min(values) / 1.5, max(values) * 1.5, log=True))
    frame.grid([(value, seconds_words(value)) for value in frame.y.ticks(5)], _rates(frame.x))
    for kind, intervals in (("p95", [step.p95 for step in known]), ("p50", [step.p50 for step in known])):
        for step, one in zip(known, intervals, strict=True):
            if one is not None:
                _whisker(frame, step.rate, *_ends(one), kind=kind)
        frame.line([step.rate for step in known], [one.value if one else math.nan for one in intervals], f"line {kind}")
    return Chart(
        "Response time against the rate",
        frame.markup("median and p95 of the response time of all requests against the rate"),
        (Legend("p50", "median"), Legend("p95", "p95"), Legend("knee", "the capacity lies here")),
        "All requests of a step from their intended start, with intervals; both axes are logarithmic.",
        {},
    )


def _kept_up(capacity: Capacity) -> Chart | None:
    """Draw what was completed against what was asked for."""
    steps = _by_rate(capacity)
    if not steps:
        return None
    highest = max(max(step.rate, step.arrived_per_s, step.completed_per_s) for step in steps)
    y = zero_based(highest)
    frame = _frame(capacity, y)
    frame.grid([(value, f"{value:g}") for value in y.ticks(4)], _rates(frame.x))
    # A straight line, which a logarithmic axis bends.
    many = [frame.x.low * (frame.x.high / frame.x.low) ** (place / 60) for place in range(61)]
    frame.line(many, [rate if rate <= y.high else math.nan for rate in many], "line intended")
    rates = [step.rate for step in steps]
    frame.line(rates, [step.arrived_per_s for step in steps], "line high")
    frame.line(rates, [step.completed_per_s for step in steps], "line p95")
    for step in steps:
        frame.dot(step.rate, step.completed_per_s, _DOTS[step.outcome])
    return Chart(
        "Requests a second: intended, arrived, completed",
        frame.markup("requests a second that were intended, that arrived, and that were completed"),
        (Legend("intended", "intended"), Legend("high", "arrived"), Legend("p95", "completed without an error")),
        "Where completed falls below arrived a backlog grows; its height there is what the target can do.",
        {},
    )


def _curve(scaling: Universal) -> Chart:
    """Draw the Universal Scalability Law with its band, and the points it was fitted to."""
    most = max(point.replicas for point in scaling.points)
    peak = scaling.peak_replicas.value
    end = max(2.0 * most, min(peak * 1.2, 4.0 * most) if math.isfinite(peak) else 0.0)
    xs = [1 + (end - 1) * place / 80 for place in range(81)]
    bands = [scaling.band(x) for x in xs]
    highest = max([point.upper for point in scaling.points] + [scaling.rate(x) for x in xs])
    frame = Frame(Scale(0.0, end), zero_based(highest), height=_TALL)
    frame.grid([(v, f"{v:g}") for v in frame.y.ticks(4)], [(v, f"{v:g}") for v in frame.x.ticks(6)])
    frame.area(xs, [low for low, _ in bands], [high for _, high in bands], "area")
    frame.line(xs, [x * scaling.gamma.value for x in xs if x * scaling.gamma.value <= frame.y.high]
               + [math.nan for x in xs if x * scaling.gamma.value > frame.y.high], "line intended")  # fmt: skip
    frame.line(xs, [scaling.rate(x) for x in xs], "line p95")
    for point in scaling.points:
        _whisker(frame, point.replicas, point.lower, point.upper, kind="p50")
        frame.dot(point.replicas, point.middle, "dot-good")
    return Chart(
        "Capacity over replicas",
        frame.markup(f"capacity over replicas, fitted by the Universal Scalability Law: {scaling.sentence}"),
        (Legend("p95", "fitted"), Legend("dot-good", "measured"), Legend("intended", "if nothing were lost")),
        f"{scaling.sentence.capitalize()}. The band holds nine fits of ten.",
        {},
    )


def _frame(capacity: Capacity, y: Scale) -> Frame:
    rates = [step.rate for step in capacity.steps]
    frame = Frame(Scale(min(rates) / 1.15, max(rates) * 1.15, log=True), y, height=_TALL)
    lower = capacity.found.met
    if lower is not None:
        upper = capacity.found.not_met or frame.x.high
        # A band that can be seen, however narrow the interval is.
        middle, half = math.sqrt(lower * upper), max(math.sqrt(upper / lower), 1.012)
        frame.band(middle / half, middle * half, "knee")
    return frame


def _rates(x: Scale) -> list[tuple[float, str]]:
    kept: list[float] = []
    for tick in x.ticks(6):
        if not kept or x.at(tick) - x.at(kept[-1]) > 0.1:
            kept.append(tick)
    return [(tick, f"{rate_text(tick)}/s") for tick in kept]


def _by_rate(capacity: Capacity) -> list[StepReading]:
    """Return the last attempt at each rate, in the order of rates."""
    last = {step.rate: step for step in capacity.steps}
    return [last[rate] for rate in sorted(last)]


def _share_of(step: StepReading, name: str) -> ShareJudgement | None:
    for one in step.run.objectives:
        if one.objective.name == name and isinstance(one.judgement, ShareJudgement) and one.judgement.total:
            return one.judgement
    return None


def _ends(one: Interval) -> tuple[float, float]:
    return (one.value if one.lower is None else one.lower), (one.value if one.upper is None else one.upper)


def _whisker(frame: Frame, x: float, low: float, high: float, *, kind: str = "high") -> None:
    frame.line([x, x], [max(low, frame.y.low), high], f"line {kind}")
