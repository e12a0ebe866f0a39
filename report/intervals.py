"""Where does each objective stand against its error budget? Places of bars on one logarithmic axis for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from report.judge import JudgedObjective
from report.scale import Scale
from slo.share import ShareJudgement

_LOWEST, _HIGHEST = 0.01, 10.0  # of the budget; wider where a bound lies beyond


@dataclass(frozen=True, slots=True)
class Bar:
    """The interval of one objective in per cent of the axis; `dot` is None where no bad request was seen.

    `is_open` says that the lower end lies beyond the axis.
    """

    left: float
    right: float
    dot: float | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """Ticks with their words, and the place of the whole budget, in per cent of the axis."""

    ticks: tuple[tuple[float, str], ...]
    budget: float


def bars(judged: tuple[JudgedObjective, ...]) -> tuple[Axis, dict[str, Bar]]:
    """Return the axis, and objective name → bar for every share that has data; 100 % is the whole error budget."""
    used = {one.objective.name: found for one in judged if (found := _used(one)) is not None}
    highest = max([_HIGHEST, *(upper * 1.3 for _, _, upper in used.values())])
    scale = Scale(_LOWEST, highest, log=True)
    powers = [tick for tick in scale.ticks(5) if tick >= _LOWEST]
    axis = Axis(tuple((scale.at(tick) * 100, f"{tick * 100:,.6g} %") for tick in powers), scale.at(1.0) * 100)
    return axis, {name: _bar(scale, *values) for name, values in used.items()}


def _used(one: JudgedObjective) -> tuple[float, float, float] | None:
    """Return the lower bound, the measured share and the upper bound, each over the allowed share."""
    judged = one.judgement
    if not isinstance(judged, ShareJudgement) or judged.bad_share is None:
        return None
    allowed = float(judged.allowed_bad)
    return judged.lower / allowed, judged.bad_share / allowed, judged.upper / allowed


def _bar(scale: Scale, lower: float, middle: float, upper: float) -> Bar:
    return Bar(
        left=scale.at(lower) * 100,
        right=scale.at(upper) * 100,
        dot=scale.at(middle) * 100 if middle > 0 else None,
        is_open=lower < scale.low,
    )
