"""What is the one sentence that a manager reads? Verdicts counted, and whether a test double answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from report.judge import JudgedRun
from slo.verdict import Verdict

STUB_WARNING = "a test double answered: this says nothing about your servers"
_ORDER = (Verdict.MET, Verdict.MISSED, Verdict.INCONCLUSIVE, Verdict.NO_DATA)


def headline(run: JudgedRun) -> str:
    """Return the verdict of a run in one sentence; it says STUB when any target was a test double."""
    return what_was_found(run) + (" — on a STUB" if run.is_stub else "")


def what_was_found(run: JudgedRun) -> str:
    """Return the sentence without the word on what was driven."""
    if run.invalid:
        return f"Invalid run: none of {_objectives(len(run.objectives))} is met or missed"
    return counted(one.verdict for one in run.objectives)


def counted(verdicts: Iterable[Verdict]) -> str:
    """Return how many objectives got which verdict."""
    found = Counter(verdicts)
    if not found:
        return "No data: no objective was judged"
    each = ", ".join(f"{found[verdict]} {verdict.value}" for verdict in _ORDER if found[verdict])
    return f"{_objectives(found.total())}: {each}"


def meaning(run: JudgedRun) -> str:
    """Return what follows from the verdict, for somebody who reads nothing else."""
    return MEANINGS[run.verdict]


def _objectives(count: int) -> str:
    return f"{count} objective" + ("" if count == 1 else "s")


MEANINGS = {
    Verdict.MET: "Every objective judged is met, with the stated confidence.",
    Verdict.MISSED: "At least one objective is missed: more requests were bad than it allows, and not by chance.",
    Verdict.INCONCLUSIVE: "Nothing is missed, but there were too few requests to say that every objective is met.",
    Verdict.NO_DATA: "An objective that was to be judged matched no request. No data is never a pass.",
    Verdict.INVALID_RUN: "The load generator, not the target, was the limit: nothing here is met or missed.",
}
