"""What is the one sentence that a manager reads? Verdicts counted, and whether a test double answered."""

from __future__ import annotations

from collections import Counter

from report.judge import JudgedRun
from slo.verdict import Verdict

STUB_WARNING = "a test double answered: this says nothing about your servers"
_ORDER = (Verdict.MET, Verdict.MISSED, Verdict.INCONCLUSIVE, Verdict.NO_DATA)


def headline(run: JudgedRun) -> str:
    """Return the verdict of a run in one sentence; it says STUB when any target was a test double."""
    return what_was_found(run) + (" — on a STUB" if run.is_stub else "")


def what_was_found(run: JudgedRun) -> str:
    """Return the sentence without the word on what was driven."""
    count = len(run.objectives)
    objectives = f"{count} objective" + ("" if count == 1 else "s")
    if run.invalid:
        return f"Invalid run: none of {objectives} is met or missed"
    if not count:
        return "No data: no objective was judged"
    found = Counter(one.verdict for one in run.objectives)
    return f"{objectives}: " + ", ".join(f"{found[verdict]} {verdict.value}" for verdict in _ORDER if found[verdict])


def meaning(run: JudgedRun) -> str:
    """Return what follows from the verdict, for somebody who reads nothing else."""
    return _MEANINGS[run.verdict]


_MEANINGS = {
    Verdict.MET: "Every objective judged is met, with the stated confidence.",
    Verdict.MISSED: "At least one objective is missed: more requests were bad than it allows, and not by chance.",
    Verdict.INCONCLUSIVE: "Nothing is missed, but there were too few requests to say that every objective is met.",
    Verdict.NO_DATA: "An objective that was to be judged matched no request. No data is never a pass.",
    Verdict.INVALID_RUN: "The load generator, not the target, was the limit: nothing here is met or missed.",
}
