"""What does a pull request get to read? The verdict, a table of objectives, and the rest folded away, in Markdown."""

from __future__ import annotations

from typing import Any

from report.judge import JudgedObjective, JudgedRun
from report.reproduce import command
from report.words import bad_count, budget_text, percent, percentile_text, share_text
from slo.verdict import Verdict

LARGEST_BYTES = 60_000  # GitHub refuses a comment above 65,536 characters
MARKS = {
    Verdict.MET: "✅",
    Verdict.MISSED: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.NO_DATA: "∅",
    Verdict.INVALID_RUN: "⚠️",
}
# Characters with a meaning in Markdown, HTML, or to a forge: @ would tell somebody, # would link an issue.
_ENTITIES = {ord(character): f"&#{ord(character)};" for character in "\\`*_[]<>#|@~&$"}
HEADER = (
    "| Verdict | Objective | Bad share (interval) | Allowed | Budget used | p95 (interval) |\n|---|---|---|---|---|---|"
)


def markdown(run: JudgedRun, said: dict[str, Any]) -> str:
    """Return the summary, below LARGEST_BYTES; `said` is the document of the same run."""
    stub = " — on a **STUB**" if run.is_stub else ""
    found = str(said["headline"]).removesuffix(" — on a STUB")
    parts = [f"## {MARKS[run.verdict]} {escape(found)}{stub}", escape(str(said["meaning"]))]
    parts += _invalid(said)
    parts.append("\n".join([HEADER, *(row(one) for one in run.objectives)]))
    parts += [*_details(run, said), _what(run, said)]
    return _shortened(parts)


def escape(text: str) -> str:
    """Return text that no Markdown renderer takes for anything but text, on one line."""
    return " ".join(text.split()).translate(_ENTITIES).replace("://", "&#58;//").replace("www.", "www&#46;")


def _invalid(said: dict[str, Any]) -> list[str]:
    reasons = [f"- {escape(reason['sentence'])}" for reason in said["invalid"]]
    if reasons and said["invalid"][0]["culprit"]:
        reasons.append(f"- likeliest cause: {escape(said['invalid'][0]['culprit'])}")
    saturation = said["saturation"]
    if saturation and saturation["saturated"]:
        reasons.append(f"- {escape(saturation['sentence'])}")
    return ["\n".join(reasons)] if reasons else []


def row(one: JudgedObjective) -> str:
    """Return the row of the table."""
    objective = one.objective
    allowed = "none" if objective.target is None else percent(float(objective.allowed_bad_share))
    cells = [f"**{one.verdict.value}**", escape(objective.title), _share(one), allowed, budget_text(one)]
    return f"| {MARKS[one.verdict]} {' | '.join(cells)} | {percentile_text(one, 95)} |"


def _share(one: JudgedObjective) -> str:
    return share_text(one) if one.objective.target is not None else f"{bad_count(one):,} of {one.judgement.total:,}"


def _details(run: JudgedRun, said: dict[str, Any]) -> list[str]:
    traits = {shared["objective"]: [t["sentence"] for t in shared["traits"]] for shared in said["bad_in_common"]}
    return [_detail(one, traits.get(one.objective.name, [])) for one in run.objectives]


def _detail(one: JudgedObjective, traits: list[str]) -> str:
    assumption = one.judgement.assumption
    lines = [
        f"<details><summary>{MARKS[one.verdict]} {escape(one.objective.title)}</summary>",
        "",
        f"{bad_count(one):,} bad of {one.judgement.total:,}. {escape(assumption[:1].upper() + assumption[1:])}.",
        "",
        *[f"- {escape(sentence)}" for sentence in traits],
        *([""] if traits else []),
        f"Source of the number: {escape(one.objective.source)}",
        "",
        "</details>",
    ]
    return "\n".join(lines)


def _what(run: JudgedRun, said: dict[str, Any]) -> str:
    targets = [
        f"- {escape(name)}: {'**stub**, a test double' if target['kind'] == 'stub' else escape(target['kind'])}, "
        f"{escape(target['version'] or 'version unknown')}, {escape(target['address'])}"
        for name, target in said["targets"].items()
    ]
    left_out = [f"- not judged: {escape(one['title'])} ({escape(one['why'])})" for one in said["not_judged"]]
    lines = ["<details><summary>What was run, on what</summary>", "", *targets, *left_out, ""]
    lines += [f"- run {escape(said['run']['id'])}, {said['run']['requests']:,} requests", ""]
    lines += ["```", command(run.folder).replace("`", ""), "```", "", "</details>"]
    return "\n".join(lines)


def _shortened(parts: list[str]) -> str:
    """Leave out details from the end until the text is small enough."""
    text, left_out = "\n\n".join(parts) + "\n", 0
    while len(text.encode()) > LARGEST_BYTES and len(parts) > 3:
        parts, left_out = parts[:-1], left_out + 1
        text = "\n\n".join([*parts, f"{left_out} more parts are in report.html."]) + "\n"
    return text
