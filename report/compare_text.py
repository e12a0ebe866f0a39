"""How is a comparison told? In one sentence, in the cells of a table, as JSON and as Markdown."""

from __future__ import annotations

from math import isfinite
from typing import Any

from report.compare import Comparison, Figure
from report.judge import JudgedRun
from report.markdown import LARGEST_BYTES, escape
from report.numbers import finite
from report.redact import clean, redact
from report.words import percent, seconds
from slo.comparison import Finding, Interval
from slo.verdict import Verdict

FORMAT = "letta-slo-comparison/1"
_MARKS = {
    Verdict.MET: "✅",
    Verdict.MISSED: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NO_DATA: "∅",
    Verdict.INVALID_RUN: "⚠️",
}
# Beyond this the width of an interval is no basis for a number.
_MOST_TIMES = 50
_HEADER = (
    "| Verdict | Objective | Figure | Base | Candidate | Change (interval) | Found |\n|---|---|---|---|---|---|---|"
)


def headline(comparison: Comparison) -> str:
    """Return the result in one sentence; it says STUB when any target was a test double."""
    stub = " — on a STUB" if comparison.is_stub else ""
    return _headline(comparison) + stub


def value_text(figure: Figure, value: float | None) -> str:
    """Write one side of a figure."""
    if value is None:
        return "–"
    return percent(value) if figure.is_share else seconds(value)


def change_text(figure: Figure) -> str:
    """Write the change with its interval: per cent of the base for a time, points for a share."""
    found = figure.difference.interval
    if found is None:
        return "–"
    unit = "points" if figure.is_share else "%"
    changes = [value if figure.is_share else value - 1 for value in (found.estimate, found.lower, found.upper)]
    estimate, lower, upper = (_signed(100 * change) for change in changes)
    return f"{estimate} {unit} ({lower} to {upper})"


def finding_text(figure: Figure) -> str:
    """Write what was found and, where nothing was, what it would take."""
    finding = figure.difference.finding
    if figure.verdict is Verdict.NO_DATA:
        return "no data"
    if finding is not Finding.UNKNOWN:
        return finding.value
    return f"{finding.value}: {_what_it_takes(figure)}" + ("" if figure.must_be_shown else "; not needed to pass")


def document(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as a JSON object without credentials; the same folders give the same object."""
    said: dict[str, Any] = clean(
        {
            "format": FORMAT,
            "headline": headline(comparison),
            "verdict": comparison.verdict.value,
            "is_stub": comparison.is_stub,
            "in_turns": comparison.in_turns,
            "tolerance": comparison.tolerance,
            "confidence": comparison.confidence,
            "confidence_of_each": 1 - comparison.error,
            "base": _side(comparison.base),
            "candidate": _side(comparison.candidate),
            "figures": [_figure(one) for one in comparison.figures],
            "not_compared": [{"objective": name, "why": why} for name, why in comparison.not_compared],
            "cautions": list(comparison.cautions),
        }
    )
    return said


def markdown(comparison: Comparison) -> str:
    """Return a summary for a pull request, below what a forge takes as one comment."""
    stub = " — on a **STUB**" if comparison.is_stub else ""
    rows = [_HEADER, *(_row(one) for one in comparison.figures)]
    notes = [*invalid_sentences(comparison), *comparison.cautions, rules(comparison)]
    sides = [
        f"- {name}: run {escape(run.folder.plan.run_id)}, {escape(_addresses(run))}"
        for name, run in (("base", comparison.base), ("candidate", comparison.candidate))
    ]
    left_out = [f"- not compared: {escape(name)} ({escape(why)})" for name, why in comparison.not_compared]
    details = ["<details><summary>What was compared</summary>", "", *sides, *left_out, "", "</details>"]
    parts = [f"## {_MARKS[comparison.verdict]} {escape(_headline(comparison))}{stub}", "\n".join(rows)]
    parts += ["\n".join(f"- {escape(note)}" for note in notes), "\n".join(details)]
    if len("\n\n".join(parts).encode()) > LARGEST_BYTES:
        parts[1:] = [f"The table of {len(comparison.figures)} figures is too long for a comment."]
    return redact("\n\n".join(parts) + "\n")


def rules(comparison: Comparison) -> str:
    """Say what the words of the table mean."""
    return (
        f"worse: shown to be worse, and maybe by more than tolerated ({percent(comparison.tolerance)} of a percentile, "
        f"one error budget of a share); all {len(comparison.figures)} intervals hold at once with "
        f"{percent(comparison.confidence)} confidence; a p99 can fail but is not needed to pass"
    )


def _what_it_takes(figure: Figure) -> str:
    found = figure.difference.interval
    if found is None:
        return "too few requests for an interval"
    if figure.longer_by is not None:
        times = max(2, round(figure.longer_by))
        return f"needs about {times} times as long" if times <= _MOST_TIMES else "needs far more requests"
    most = 100 * (figure.difference.most - figure.difference.nothing)
    return f"the change may be more than {most:.3g} {'points' if figure.is_share else '%'}"


def _headline(comparison: Comparison) -> str:
    if comparison.verdict is Verdict.INVALID_RUN:
        which = [name for name, run in (("base", comparison.base), ("candidate", comparison.candidate)) if run.invalid]
        return f"Invalid run: nothing can be said of the {' and the '.join(which)}"
    if comparison.verdict is Verdict.NO_DATA:  # no missed figure stands beside it: that would outweigh it
        return "No data: an objective that was to be compared matched no request, or none was"
    worse = [one for one in comparison.figures if one.difference.finding is Finding.WORSE]
    if worse:
        return "The candidate is worse: " + ", ".join(f"{one.name} of {one.objective.name}" for one in worse)
    if comparison.verdict is Verdict.INCONCLUSIVE:
        open_ones = sum(one.decides and one.verdict is Verdict.INCONCLUSIVE for one in comparison.figures)
        return f"Inconclusive: {open_ones} of {len(comparison.figures)} figures need more requests, none is shown worse"
    return f"No regression: the candidate is within the tolerance of the base ({len(comparison.figures)} figures)"


def invalid_sentences(comparison: Comparison) -> list[str]:
    """Say why a side is invalid."""
    return [
        f"invalid {name}: {reason.sentence}" + (f" ({reason.culprit})" if reason.culprit else "")
        for name, run in (("base", comparison.base), ("candidate", comparison.candidate))
        for reason in run.invalid
    ]


def _row(one: Figure) -> str:
    sides = f"{value_text(one, one.base)} | {value_text(one, one.candidate)}"
    mark = _MARKS[one.verdict]
    return (
        f"| {mark} **{one.verdict.value}** | {escape(one.objective.name)} | {one.name} | {sides} | "
        f"{change_text(one)} | {finding_text(one)} |"
    )


def _side(run: JudgedRun) -> dict[str, Any]:
    manifest = run.folder.manifest
    return {
        "run_id": run.folder.plan.run_id,
        "started_at": manifest.get("started_at"),
        "suite_version": manifest.get("suite_version"),
        "targets": {
            name: {key: str(target.get(key) or "") for key in ("kind", "address", "version")}
            for name, target in manifest.get("targets", {}).items()
        },
        "requests": len(run.folder.samples),
        "invalid": [reason.sentence for reason in run.invalid],
    }


def _figure(one: Figure) -> dict[str, Any]:
    return {
        "objective": one.objective.name,
        "figure": one.name,
        "verdict": one.verdict.value,
        "finding": one.difference.finding.value,
        "base": finite(one.base),
        "candidate": finite(one.candidate),
        "unit": "share" if one.is_share else "s",
        "change": "difference" if one.is_share else "ratio",
        **_interval(one.difference.interval),
        "must_be_shown": one.must_be_shown,
        "most_tolerated": one.difference.most,
        "longer_by": one.longer_by,
    }


def _interval(found: Interval | None) -> dict[str, Any]:
    if found is None:
        return {"estimate": None, "lower": None, "upper": None, "blocks": 0}
    sides = {name: finite(getattr(found, name)) for name in ("estimate", "lower", "upper")}
    return {**sides, "blocks": found.blocks}


def _addresses(run: JudgedRun) -> str:
    targets = run.folder.manifest.get("targets", {})
    return ", ".join(
        f"{name} {target.get('version', '')} at {target.get('address', '')}" for name, target in targets.items()
    )


def _signed(value: float) -> str:
    return f"{value:+.3g}" if isfinite(value) else "no bound"
