"""How is a figure written down for people? Rounding happens here, after every comparison."""

from __future__ import annotations

import math

from report.judge import JudgedObjective
from slo.share import ShareJudgement


def percent(share: float) -> str:
    """Write a share with three digits, enough to tell a bound from the limit beside it: 12.3 %, 1.02 %, 0.047 %."""
    value = share * 100
    return f"{value:.3g} %" if value == 0 or value >= 0.0001 else "under 0.0001 %"


def seconds(value_s: float) -> str:
    """Write a time: milliseconds below one second; infinite is an answer that never came."""
    if math.isinf(value_s):
        return "never"
    return f"{value_s * 1000:.0f} ms" if value_s < 1 else f"{value_s:.2f} s"


def fine_seconds(value_s: float | None) -> str:
    """Write a short time with three digits: 312 ms, 10.4 ms, 0.82 ms."""
    if value_s is None:
        return "–"
    return f"{value_s * 1000:.3g} ms" if value_s < 0.9995 else f"{value_s:.2f} s"


def share_text(one: JudgedObjective) -> str:
    """Write the measured bad share with its bounds."""
    judged = one.judgement
    if not isinstance(judged, ShareJudgement) or judged.bad_share is None:
        return "–"
    return f"{percent(judged.bad_share)} ({percent(judged.lower)} to {percent(judged.upper)})"


def bad_count(one: JudgedObjective) -> int:
    """Return how many requests broke the objective."""
    judged = one.judgement
    return judged.bad if isinstance(judged, ShareJudgement) else judged.violations


def budget_text(one: JudgedObjective) -> str:
    """Write how much of the error budget of these requests was used."""
    judged = one.judgement
    if not isinstance(judged, ShareJudgement) or judged.total == 0:
        return "–"
    return f"{float(100 * judged.bad / (judged.total * one.objective.allowed_bad_share)):,.0f} %"


def percentile_text(one: JudgedObjective, percentile: int) -> str:
    """Write a percentile with its interval, or that there is none."""
    interval = one.percentiles.get(percentile)
    if interval is None:
        return "–"
    if interval.lower is None or interval.upper is None:
        return f"{seconds(interval.value)} (too few for an interval)"
    return f"{seconds(interval.value)} ({seconds(interval.lower)} to {seconds(interval.upper)})"
