"""What does the report say, as data? One JSON object of a versioned form (schema/report-1.schema.json)."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from loadgen.run_folder import RunFolder
from report.drill import Drill, drills
from report.goodput import Goodput, goodput
from report.headline import headline, meaning
from report.in_common import Trait, in_common
from report.judge import JudgedObjective, JudgedRun, NotJudged
from report.numbers import budget_used, finite, share
from report.redact import clean
from report.slowest import SlowRequest, slowest
from report.streams import Measure, Streams, streams
from report.traces import live_check
from slo.objective import Kind, SampleFilter
from slo.percentile import Interval
from slo.share import InvariantJudgement, ShareJudgement

FORMAT = "letta-slo-report/1"
_SCHEMA_FILE = Path(__file__).parent / "schema" / "report-1.schema.json"
_MACHINE_KEYS = ("cpus", "cpus_usable", "memory_gib", "cpu", "kernel", "python")


def document(run: JudgedRun) -> dict[str, Any]:
    """Return the report as a JSON object without credentials; the same folder gives the same object."""
    manifest = run.folder.manifest
    said: dict[str, Any] = clean(
        {
            "format": FORMAT,
            "headline": headline(run),
            "meaning": meaning(run),
            "verdict": run.verdict.value,
            "is_stub": run.is_stub,
            "run": _run(run),
            "targets": {name: _target(target) for name, target in manifest.get("targets", {}).items()},
            "objectives": [objective_said(one) for one in run.objectives],
            "not_judged": [_not_judged(one) for one in run.not_judged],
            "invalid": [{"code": str(r.code), "sentence": r.sentence, "culprit": r.culprit} for r in run.invalid],
            "facts": {key: finite(value) if isinstance(value, float) else value for key, value in _facts(run).items()},
            "saturation": _saturation(run),
            "streams": [_streams(one) for one in streams(run.folder)],
            "goodput": [_goodput(one) for one in goodput(run.folder, [each.objective for each in run.objectives])],
            "drills": [_drill(one) for one in drills(run.folder)],
            "telemetry": _telemetry(run.folder),
            "slowest": [_slow(one) for one in slowest(run.folder)],
            "bad_in_common": [
                {"objective": one.objective.name, "traits": [_trait(trait) for trait in in_common(run.folder, one)]}
                for one in run.objectives
            ],
            "machine": _machine(manifest.get("machine", {})),
            "packages": {str(name): str(version) for name, version in manifest.get("packages", {}).items()},
        }
    )
    return said


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every document of this format keeps to."""
    loaded: dict[str, Any] = json.loads(_SCHEMA_FILE.read_text())
    return loaded


def _run(run: JudgedRun) -> dict[str, Any]:
    manifest, plan = run.folder.manifest, run.folder.plan
    return {
        "id": plan.run_id,
        "started_at": manifest.get("started_at"),
        "suite_version": manifest.get("suite_version"),
        "git": manifest.get("git"),
        "tier": manifest.get("tier"),
        "workers": manifest.get("workers"),
        "live": bool(manifest.get("live", False)),
        "seed": plan.seed,
        "arrivals": plan.arrivals,
        "rates_per_s": {name: float(rate) for name, rate in plan.rates.items()},
        "phases_s": {name: list(bounds) for name, bounds in plan.phases.bounds_s.items()},
        "turns": plan.sessions.turns,
        "think_time_s": float(plan.sessions.think_time_s),
        "agents": len(plan.agents),
        "users": plan.users,
        "model": plan.model,
        "requests": len(run.folder.samples),
    }


def _target(target: dict[str, Any]) -> dict[str, Any]:
    return {key: str(target.get(key) or "") for key in ("kind", "address", "version")}


def objective_said(one: JudgedObjective) -> dict[str, Any]:
    """Return what is said about one objective."""
    objective = one.objective
    return {
        "name": objective.name,
        "title": objective.title,
        "service": objective.service,
        "kind": objective.kind.value,
        "verdict": one.verdict.value,
        "verdict_if_valid": one.judgement.verdict.value,
        "target": share(objective.target),
        "allowed_bad": share(objective.allowed_bad_share),
        "filter": _filter(objective.samples),
        "share": _share(one.judgement) if isinstance(one.judgement, ShareJudgement) else None,
        "invariant": _invariant(one.judgement) if isinstance(one.judgement, InvariantJudgement) else None,
        "assumption": one.judgement.assumption,
        "percentiles": _percentiles(one.percentiles),
        "bad_by_reason": {} if objective.kind is Kind.INVARIANT else dict(one.bad_by_reason),
        "description": objective.description,
        "source": objective.source,
    }


def _percentiles(intervals: dict[int, Interval]) -> list[dict[str, Any]]:
    return [
        {
            "percentile": percentile,
            "value_s": finite(interval.value),
            "lower_s": finite(interval.lower),
            "upper_s": finite(interval.upper),
            "sufficient": interval.sufficient,
            "count": interval.count,
        }
        for percentile, interval in sorted(intervals.items())
    ]


def _filter(samples: SampleFilter) -> dict[str, Any]:
    return {
        "operations": sorted(samples.operations),
        "phases": sorted(phase.value for phase in samples.phases),
        "measure": samples.measure.value,
        "limit_s": share(samples.limit_s),
        "answered_by": samples.answered_by.value if samples.answered_by is not None else None,
    }


def _share(judged: ShareJudgement) -> dict[str, Any]:
    return {
        "good": judged.good,
        "bad": judged.bad,
        "total": judged.total,
        "unsent": judged.unsent,
        "bad_share": share(Fraction(judged.bad, judged.total)) if judged.total else None,
        "lower": finite(judged.lower),
        "upper": finite(judged.upper),
        "confidence": judged.confidence,
        "dispersion": finite(judged.dispersion),
        "effective_total": finite(judged.effective_total),
        "budget_used": share(budget_used(judged.bad, judged.total, judged.allowed_bad)),
        "point_estimate_passes": judged.point_estimate_passes,
    }


def _invariant(judged: InvariantJudgement) -> dict[str, Any]:
    return {
        "violations": judged.violations,
        "total": judged.total,
        "accounting_complete": judged.accounting_complete,
        "undetected_share": finite(judged.undetected_share),
        "confidence": judged.confidence,
    }


def _not_judged(one: NotJudged) -> dict[str, Any]:
    return {"name": one.objective.name, "title": one.objective.title, "service": one.objective.service, "why": one.why}


def _facts(run: JudgedRun) -> dict[str, Any]:
    return asdict(run.facts)


def _saturation(run: JudgedRun) -> dict[str, Any] | None:
    if run.saturation is None:
        return None
    return {
        "saturated": run.saturation.saturated,
        "sentence": run.saturation.sentence,
        "slope_per_s": finite(run.saturation.slope_per_s),
        "lower": finite(run.saturation.lower),
        "upper": finite(run.saturation.upper),
    }


def _streams(one: Streams) -> dict[str, Any]:
    return {**asdict(one), "measures": [_measure(each) for each in one.measures]}


def _measure(one: Measure) -> dict[str, Any]:
    return {"name": one.name, "count": one.count, "percentiles": _percentiles(one.percentiles)}


def _goodput(one: Goodput) -> dict[str, Any]:
    return {**asdict(one), "objectives": list(one.objectives), "of_intended": one.of_intended}


def _drill(one: Drill) -> dict[str, Any]:
    return asdict(one)


def _slow(one: SlowRequest) -> dict[str, Any]:
    return {**asdict(one), "parts": [asdict(part) for part in one.parts]}


def _telemetry(folder: RunFolder) -> dict[str, Any] | None:
    """Return what the live check found of a run whose telemetry came to us, None of any other."""
    findings = live_check(folder)
    return None if findings is None else {"findings": [asdict(one) for one in findings]}


def _trait(trait: Trait) -> dict[str, Any]:
    return asdict(trait)


def _machine(machine: dict[str, Any]) -> dict[str, Any]:
    return {key: machine.get(key) for key in _MACHINE_KEYS}
