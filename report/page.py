"""What stands on the HTML page? The document's words and the charts, put into one self-contained file."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from loadgen.run_folder import RunFolder
from report import charts, series
from report.charts import Backdrop, Chart
from report.drill import Drill, drills
from report.headline import STUB_WARNING, what_was_found
from report.intervals import bars
from report.judge import JudgedObjective, JudgedRun
from report.redact import clean
from report.reproduce import command
from report.scale import seconds_words
from report.words import bad_count, budget_text, fine_seconds, percent, percentile_text, seconds, share_text
from slo.objective import Kind, Measure, Source
from slo.share import ShareJudgement
from slo.validity import LARGEST_LAG_SHARE

_TEMPLATES = Path(__file__).parent / "templates"
_MEASURES = {
    Measure.RESPONSE_TIME: "Response time",
    Measure.TIME_TO_FIRST_TOKEN: "Time to first token",
    Measure.NONE: "",
}
_BEFORE_FAULT_S, _AFTER_FAULT_S = 5.0, 10.0


def page(run: JudgedRun, said: dict[str, Any]) -> str:
    """Return the page; `said` is the document of the same run, already without credentials."""
    folder = run.folder
    steps = series.steps_of(folder)
    faults = drills(folder)
    backdrop = Backdrop(folder.plan.phases.bounds_s, tuple(one.began_s for one in faults))
    axis, intervals = bars(run.objectives)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            said=said,
            found=clean(what_was_found(run)),
            stub_warning=STUB_WARNING,
            axis=axis,
            intervals=intervals,
            rows={one.objective.name: row_of(one) for one in run.objectives},
            charts={one.objective.name: _objective_charts(run, one, steps, backdrop) for one in run.objectives},
            timelines=[_timeline(one) for one in faults],
            drill_charts=[_drill_chart(folder, one) for one in faults],
            validity_charts=_validity_charts(run, steps, backdrop),
            command=clean(command(folder)),
            style=asset("style.css"),
            script=asset("hover.js"),
            script_hash=_script_hash(),
        )
    )


def row_of(one: JudgedObjective) -> dict[str, str]:
    """Write the figures of an objective as its row of the table has them."""
    objective = one.objective
    return {
        "bad": f"{bad_count(one):,}",
        "total": f"{one.judgement.total:,}",
        "share": share_text(one),
        "allowed": "none" if objective.target is None else percent(float(objective.allowed_bad_share)),
        "budget": budget_text(one),
        "p50": percentile_text(one, 50),
        "p95": percentile_text(one, 95),
        "p99": percentile_text(one, 99),
        "promise": _promise(one),
        "counted": _counted(one),
    }


def _promise(one: JudgedObjective) -> str:
    """Say in words what an objective promises."""
    objective = one.objective
    if objective.kind is Kind.INVARIANT or objective.target is None:
        return "Not one may break this rule."
    measure = _MEASURES[objective.samples.measure].lower()
    limit_s = objective.samples.limit_s
    what = (
        "end without an error"
        if limit_s is None
        else f"end without an error and with a {measure} under {seconds_words(float(limit_s))}"
    )
    by = objective.samples.answered_by
    whom = "" if by is None else f" and are answered by {'Letta' if by is Source.LETTA else by.value} itself"
    return f"At least {float(objective.target) * 100:.6g} % of requests {what}{whom}."


def _counted(one: JudgedObjective) -> str:
    phases = " and ".join(sorted(phase.value for phase in one.objective.samples.phases))
    return f"Counted: {', '.join(sorted(one.objective.samples.operations))}, due in the {phases} phase" + (
        "s." if len(one.objective.samples.phases) > 1 else "."
    )


def _objective_charts(run: JudgedRun, one: JudgedObjective, steps: series.Steps, backdrop: Backdrop) -> list[Chart]:
    """Draw time and distribution for what measures a time, good and bad counts for the rest."""
    objective = one.objective
    backdrop = replace(backdrop, judged=frozenset(phase.value for phase in objective.samples.phases))
    times = series.over_time(run.folder, objective, steps)
    limit_s = None if objective.samples.limit_s is None else float(objective.samples.limit_s)
    if not isinstance(one.judgement, ShareJudgement) or not times.total.sum():
        return []
    if objective.samples.measure is Measure.NONE:
        return [charts.bad_over_time(times, backdrop)]
    drawn = [charts.response_over_time(times, limit_s, backdrop, _MEASURES[objective.samples.measure])]
    shares = series.distribution(run.folder, objective)
    if shares is not None and one.judgement.bad_share is not None:
        allowed = float(objective.allowed_bad_share)
        drawn.append(charts.slower_than(shares, limit_s, allowed, one.judgement.bad_share))
    return drawn


def _timeline(drill: Drill) -> list[tuple[float, str]]:
    """Return what happened around a fault: seconds of the run and words, in order of time."""
    name = clean(drill.name)
    moments = [
        (drill.began_s, "begin", drill.letta_silent_s, "the last answer of Letta before it fell silent"),
        (drill.began_s, "begin", drill.first_fallback_s, "first fallback reply: memory-python in Letta’s place"),
        (drill.ended_s, "end", drill.letta_back_s, "Letta answers again"),
    ]
    said = [
        (base_s + after_s, f"{words}, {seconds(after_s)} after the {edge}")
        for base_s, edge, after_s, words in moments
        if after_s is not None
    ]
    return sorted([(drill.began_s, f"{name} began"), (drill.ended_s, f"{name} ended"), *said])


def _drill_chart(folder: RunFolder, drill: Drill) -> Chart | None:
    if not drill.bridge_requests:
        return None
    end_s = drill.ended_s + _AFTER_FAULT_S
    return charts.replies_around(series.replies(folder, drill.began_s - _BEFORE_FAULT_S, end_s), drill)


def _validity_charts(run: JudgedRun, steps: series.Steps, backdrop: Backdrop) -> list[Chart]:
    limits = [float(o.objective.samples.limit_s) for o in run.objectives if o.objective.samples.limit_s is not None]
    seen = series.arrivals(run.folder, steps)
    allowed_lag_s = min(limits) * float(LARGEST_LAG_SHARE) if limits else None
    drawn = [charts.arrivals_over_time(seen, backdrop), charts.lag_over_time(seen, allowed_lag_s, backdrop)]
    load = series.busy(run.folder)
    return drawn if load is None else [*drawn, charts.busy_over_time(load, steps, backdrop)]


@cache
def environment() -> jinja2.Environment:
    """Return how templates are read."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"sort_keys": False}  # the order of the legend
    made.filters |= {"percent": percent, "seconds": seconds, "fine_seconds": fine_seconds}
    return made


@cache
def asset(name: str) -> Markup:
    """Return a file of ours that goes into the page as it is."""
    return Markup((_TEMPLATES / name).read_text())  # noqa: S704 - a file of this package, no input


def _script_hash() -> str:
    """Return the hash that lets exactly our script run, and no other."""
    return base64.b64encode(hashlib.sha256(asset("hover.js").encode()).digest()).decode()
