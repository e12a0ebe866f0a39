"""Where does the report of a capacity go? A page, JSON and Markdown beside each other, checked for credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from report.capacity import SHORTEST_STEP_S, Capacity, found_text, headline, rate_text, remarks
from report.capacity_charts import charts
from report.capacity_step import StepReading
from report.headline import STUB_WARNING
from report.markdown import escape
from report.numbers import finite
from report.page import asset, environment
from report.redact import clean, redact
from report.words import seconds
from slo.percentile import Interval
from slo.scalability import Estimate, Linear, Universal
from slo.search import Outcome

FORMAT = "letta-slo-capacity/1"

_NAMES = {"html": "report.html", "json": "report.json", "markdown": "summary.md"}
# Names of the page's icons and colours.
_TONES = {
    Outcome.MET.value: "met",
    Outcome.NOT_MET.value: "missed",
    Outcome.UNDECIDED.value: "inconclusive",
    Outcome.INVALID.value: "invalid-run",
    Outcome.TOO_FEW_AGENTS.value: "inconclusive",
}


def write_capacity(capacity: Capacity, directory: Path) -> dict[str, Path]:
    """Write HTML, JSON and Markdown, and return the file of each."""
    said = capacity_document(capacity)
    texts = {
        "html": capacity_page(capacity, said),
        "json": json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "markdown": capacity_markdown(capacity, said),
    }
    directory.mkdir(parents=True, exist_ok=True)
    files = {kind: directory / name for kind, name in _NAMES.items()}
    for kind, file in files.items():
        file.write_text(redact(texts[kind]), encoding="utf-8")
    return files


def capacity_document(capacity: Capacity) -> dict[str, Any]:
    """Return the report as a JSON object without credentials."""
    asked, result = capacity.asked, capacity.found
    said: dict[str, Any] = clean(
        {
            "format": FORMAT,
            "headline": headline(capacity),
            "is_stub": capacity.is_stub,
            "is_too_short": capacity.is_too_short,
            "run_id": asked.run_id,
            "started_at": asked.started_at,
            "target": {
                "service": asked.service,
                "kind": asked.kind,
                "address": asked.address,
                "version": asked.version,
            },
            "asked": {
                "tier": asked.tier,
                "mix": asked.mix,
                "agents": asked.agents,
                "start_per_s": asked.rules.start,
                "highest_per_s": asked.rules.highest,
                "resolution": asked.rules.resolution,
                "most_steps": asked.rules.most_steps,
                "step_s": asked.step_s,
                "seed": asked.seed,
                "replicas": asked.replicas,
            },
            "ending": result.ending.value,
            "capacity_per_s": {"lower": finite(capacity.lower), "upper": finite(capacity.upper)},
            "rates_per_s": {"met": result.met, "not_met": result.not_met, "undecided": list(result.undecided)},
            "is_fine": result.is_fine,
            "stopped": capacity.stopped,
            "remarks": list(remarks(capacity)),
            "steps": [_step(step) for step in capacity.steps],
            "scaling": _scaling(capacity.scaling),
            "replicas_needed": [
                {
                    "tier": tier,
                    "rate_per_s": needed.rate,
                    "least": needed.least,
                    "likely": needed.likely,
                    "most": needed.most,
                    "is_lower_bound": needed.is_lower_bound,
                    "sentence": needed.sentence,
                }
                for tier, needed in capacity.needed.items()
            ],
        }
    )
    return said


def capacity_page(capacity: Capacity, said: dict[str, Any]) -> str:
    """Return the page; `said` is the document of the same capacity."""
    return (
        environment()
        .get_template("capacity.html.j2")
        .render(
            said=said,
            found=found_text(capacity),
            tone=_tone(capacity),
            tones=_TONES,
            times=[(_time(step.p50), _time(step.p95)) for step in capacity.steps],
            charts=charts(capacity) if capacity.steps else [],
            folder=f"runs/{capacity.asked.run_id}",
            shortest_step_s=SHORTEST_STEP_S,
            stub_warning=STUB_WARNING,
            style=asset("style.css"),
            own_style=asset("capacity.css"),
        )
    )


def capacity_markdown(capacity: Capacity, said: dict[str, Any]) -> str:
    """Return the summary for a pull request or a chat."""
    stub = " — on a **STUB**" if capacity.is_stub else ""
    parts = [f"## {escape(found_text(capacity))}{stub}"]
    rows = ["| Step | Rate | Arrived | Completed | p95 | Seconds | Outcome |", "|---|---|---|---|---|---|---|"]
    for step in capacity.steps:
        rates = " | ".join(f"{rate_text(r)}/s" for r in (step.rate, step.arrived_per_s, step.completed_per_s))
        rows.append(f"| {step.name} | {rates} | {_time(step.p95)} | {step.steady_s:g} | **{step.outcome.value}** |")
    parts.append("\n".join(rows))
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in said["remarks"]))
    if capacity.needed and capacity.scaling:
        needed = [
            f"- {tier} ({rate_text(one.rate)}/s): {escape(one.sentence)}" for tier, one in capacity.needed.items()
        ]
        parts += [f"Replicas for the three tiers: {escape(capacity.scaling.sentence)}.", "\n".join(needed)]
    return "\n\n".join(parts) + "\n"


def _step(step: StepReading) -> dict[str, Any]:
    return {
        "folder": step.name,
        "rate_per_s": step.rate,
        "is_repeat": step.is_repeat,
        "steady_s": step.steady_s,
        "outcome": step.outcome.value,
        "why": step.why,
        "verdict": step.run.verdict.value,
        "arrived_per_s": step.arrived_per_s,
        "completed_per_s": step.completed_per_s,
        "unsent": step.unsent,
        "p50_s": _interval(step.p50),
        "p95_s": _interval(step.p95),
        "backlog": {
            "growth": step.backlog.growth.value,
            "slope_per_s": step.backlog.slope_per_s,
            "lower": step.backlog.lower,
            "upper": step.backlog.upper,
            "share": step.backlog.share,
        },
    }


def _scaling(scaling: Universal | Linear | None) -> dict[str, Any] | None:
    if scaling is None:
        return None
    if isinstance(scaling, Linear):
        return {"law": "linear", "sentence": scaling.sentence, "gamma": None, "alpha": None, "beta": None}
    return {
        "law": "universal scalability law",
        "sentence": scaling.sentence,
        "gamma": _estimate(scaling.gamma),
        "alpha": _estimate(scaling.alpha),
        "beta": _estimate(scaling.beta),
        "peak_replicas": _estimate(scaling.peak_replicas),
        "peak_per_s": _estimate(scaling.peak_rate),
        "points": [{"replicas": one.replicas, "lower": one.lower, "upper": one.upper} for one in scaling.points],
    }


def _estimate(one: Estimate) -> dict[str, float | None]:
    """Return an estimate; null is infinite."""
    return {"value": finite(one.value), "lower": finite(one.lower), "upper": finite(one.upper)}


def _interval(one: Interval | None) -> dict[str, float | None] | None:
    """Return a percentile; null is an answer that never came, or an end for which there were too few."""
    return None if one is None else {"value": finite(one.value), "lower": finite(one.lower), "upper": finite(one.upper)}


def _time(one: Interval | None) -> str:
    return "–" if one is None else seconds(one.value)


def _tone(capacity: Capacity) -> str:
    if capacity.lower is not None:
        return "met" if capacity.upper is not None else "inconclusive"
    return "missed" if capacity.found.not_met is not None else "inconclusive"
