"""What do counts from production say about each objective? The verdicts of a run, and what is left of the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from production.reading import Reading
from report.document import objective_said
from report.headline import MEANINGS, counted
from report.judge import JudgedObjective, NotJudged
from report.markdown import HEADER, MARKS, escape, row
from report.numbers import finite
from report.redact import clean
from report.words import percent
from slo.objective import Kind, Phase
from slo.share import InvariantJudgement, ShareJudgement, judge_invariant, judge_share
from slo.verdict import Verdict, combine

FORMAT = "letta-slo-production/1"


@dataclass(frozen=True, slots=True)
class Budget:
    """What the compliance period has used of an objective's error budget; counts are of `period_s` until the end."""

    period_s: float
    bad: int
    total: int
    left: float
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedReading:
    """An objective judged by its counters; `burn_rate` 1 uses up the budget exactly at the end of the period."""

    one: JudgedObjective
    said: tuple[str, ...]
    burn_rate: float | None
    budget: Budget | None


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A stretch of production and everything that is said about it; times are Unix seconds."""

    address: str
    counted_by: str
    from_s: float
    to_s: float
    verdict: Verdict
    readings: tuple[JudgedReading, ...]
    not_judged: tuple[NotJudged, ...]


def judge_window(
    address: str,
    counted_by: str,
    from_s: float,
    to_s: float,
    readings: Sequence[tuple[Reading, Reading | None]],
    *,
    confidence: float = 0.95,
) -> JudgedWindow:
    """Judge readings of a window, each with a reading of its compliance period where there is one."""
    judged = [_judged(reading, period, confidence) for reading, period in readings if not _is_idle_drill(reading)]
    left_out = [
        NotJudged(reading.objective, "nothing failed in this window, so there was nothing to fall back from")
        for reading, _ in readings
        if _is_idle_drill(reading)
    ]
    verdict = combine(each.one.verdict for each in judged)
    return JudgedWindow(address, counted_by, from_s, to_s, verdict, tuple(judged), tuple(left_out))


def production_document(window: JudgedWindow) -> dict[str, Any]:
    """Return the report as a JSON object without credentials."""
    said: dict[str, Any] = clean(
        {
            "format": FORMAT,
            "headline": counted(each.one.verdict for each in window.readings),
            "meaning": MEANINGS[window.verdict],
            "verdict": window.verdict.value,
            "invalid": [],
            "source": window.address,
            "counted_by": window.counted_by,
            "from": _time(window.from_s),
            "to": _time(window.to_s),
            "objectives": [_reading_said(each) for each in window.readings],
            "not_judged": [
                {"name": one.objective.name, "title": one.objective.title, "why": one.why} for one in window.not_judged
            ],
        }
    )
    return said


def production_markdown(window: JudgedWindow) -> str:
    """Return the summary for a pull request or a chat."""
    found = counted(each.one.verdict for each in window.readings)
    head = f"## {MARKS[window.verdict]} {found}, {_time(window.from_s)} to {_time(window.to_s)}"
    parts = [head, "\n".join([HEADER, *(row(each.one) for each in window.readings)])]
    notes = [
        f"- {escape(each.one.objective.title)}: {escape(text)}" for each in window.readings for text in notes_of(each)
    ]
    notes += [f"- {escape(one.objective.title)}: not judged, {escape(one.why)}" for one in window.not_judged]
    return "\n\n".join([*parts, "\n".join(notes), f"Read from {escape(window.address)}."]) + "\n"


def notes_of(each: JudgedReading) -> tuple[str, ...]:
    """Return what has to be said beside the figures: what happened to the counters, and the budget."""
    notes = list(each.said)
    if each.burn_rate is not None:
        notes.append(f"burn rate {each.burn_rate:.3g}")
    if each.budget is not None:
        days = each.budget.period_s / 86400
        notes.append(
            f"of the error budget of {days:g} days {left_text(each.budget)} "
            f"({each.budget.bad:,} bad of {each.budget.total:,})"
        )
    return tuple(notes)


def left_text(budget: Budget) -> str:
    """Write what is left of a budget, or by how much it is overspent."""
    return f"{percent(budget.left)} is left" if budget.left >= 0 else f"{percent(-budget.left)} too much is spent"


def _is_idle_drill(reading: Reading) -> bool:
    """Whether this is about faults, and there was none: healthy production is no lack of data."""
    asked = reading.objective.samples.phases
    return asked == {Phase.DRILL} and reading.total_is_counted and reading.total == 0


def _judged(reading: Reading, period: Reading | None, confidence: float) -> JudgedReading:
    objective = reading.objective
    judgement: ShareJudgement | InvariantJudgement
    if objective.kind is Kind.INVARIANT:
        violations = reading.violations or 0
        judgement = judge_invariant(
            violations,
            accounting_complete=reading.violations is not None and not reading.doubts,
            total=max(reading.total, violations),
        )
    else:
        judgement = judge_share(objective.allowed_bad_share, reading.counts, confidence=confidence)
    verdict = judgement.verdict
    if verdict is Verdict.MET and reading.doubts:  # what was not seen may have been bad
        verdict = Verdict.INCONCLUSIVE
        judgement = replace(judgement, verdict=verdict)
    burn_rate = None
    if isinstance(judgement, ShareJudgement) and judgement.bad_share is not None:
        burn_rate = judgement.bad_share / float(objective.allowed_bad_share)
    one = JudgedObjective(objective, verdict, judgement, {}, {})
    return JudgedReading(one, (*reading.doubts, *reading.said), burn_rate, _budget(period))


def _budget(period: Reading | None) -> Budget | None:
    if period is None or period.objective.kind is Kind.INVARIANT:
        return None
    bad, total = int(period.counts.bad.sum()), int((period.counts.bad + period.counts.good).sum())
    if not total:
        return None
    left = 1 - bad / (total * float(period.objective.allowed_bad_share))
    return Budget(period.length_s, bad, total, left, (*period.doubts, *period.said))


def _reading_said(each: JudgedReading) -> dict[str, Any]:
    budget = each.budget
    return {
        **objective_said(each.one),
        "said": list(each.said),
        "burn_rate": finite(each.burn_rate),
        "budget": None
        if budget is None
        else {
            "period_s": budget.period_s,
            "bad": budget.bad,
            "total": budget.total,
            "left": finite(budget.left),
            "said": list(budget.said),
        },
    }


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")
