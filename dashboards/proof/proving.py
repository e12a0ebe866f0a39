"""Does every query of a dashboard give series, and are these what the panel says they are?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dashboards.proof.board import Annotation, Board, Panel, Target
from dashboards.proof.bounds import bounds
from dashboards.proof.exceptions import Exemption
from dashboards.proof.filling import built_in, fill, step_s
from dashboards.proof.finding import Finding, Kind
from dashboards.proof.series import Ask, RefusedError, Series, Stretch
from dashboards.proof.static import look
from dashboards.proof.variables import Chosen, Found, find

_IN_BRACES: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query of a panel gave, with the variables as they are at first; `refused` is why it gave nothing."""

    target: Target
    expr: str
    series: tuple[Series, ...]
    refused: str = ""

    @property
    def values(self) -> tuple[float, ...]:
        """Every value that can be drawn."""
        return tuple(value for one in self.series for _, value in one.finite)


@dataclass(frozen=True, slots=True)
class Shown:
    """One panel and what its queries gave."""

    panel: Panel
    answers: tuple[Answer, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """Every value of every query that can be drawn."""
        return tuple(value for one in self.answers for value in one.values)


@dataclass(frozen=True, slots=True)
class Proof:
    """One dashboard with all that was found; `asked` is how many queries there were."""

    board: Board
    shown: tuple[Shown, ...]
    findings: tuple[Finding, ...]
    asked: int

    def panel(self, title: str) -> Shown:
        """Return a panel by its title; raises LookupError."""
        found = [one for one in self.shown if one.panel.title == title]
        if len(found) != 1:
            raise LookupError(f"{self.board.key}: {len(found)} panels are called {title!r}")
        return found[0]


def prove(
    boards: Iterable[Board],
    ask: Ask,
    stretch: Stretch,
    exceptions: Sequence[Exemption] = (),
    *,
    assumed_s: float = 15.0,
) -> tuple[Proof, ...]:
    """Ask every query of every dashboard and judge what comes.

    `assumed_s` is how often the dashboards' series are scraped where they are used, which is what their windows are
    held against; the stretch says how often they are here.
    """
    proofs = [_prove(board, ask, stretch, exceptions, assumed_s) for board in boards]
    unneeded = list(_unneeded(proofs, exceptions))
    return tuple(
        replace(one, findings=(*one.findings, *(each for each in unneeded if each.dashboard == one.board.key)))
        for one in proofs
    )


def _prove(board: Board, ask: Ask, stretch: Stretch, exceptions: Sequence[Exemption], assumed_s: float) -> Proof:
    static = list(look(board, assumed_s))
    variables = find(board, ask, stretch)
    findings = [*static, *variables.findings]
    may_be_empty = {one.place for one in exceptions}
    shown = []
    asked = sum(one.kind == "query" for one in board.variables)
    for panel in board.panels:
        answers = []
        for target in panel.targets:
            answer, empty_with = _answer(target, ask, stretch, variables)
            answers.append(answer)
            asked += 1
            judged = _judged(board, panel, answer, empty_with)
            is_excused = (board.key, panel.title, target.ref) in may_be_empty
            findings += [one for one in judged if not (is_excused and one.kind is Kind.EMPTY)]
        shown.append(Shown(panel, tuple(answers)))
    for note in board.annotations:
        asked += 1
        answer = _asked(Target("", note.expr), ask, stretch, next(variables.choices(note.expr)))
        findings += _of_annotation(board, note, answer)
    return Proof(board, tuple(shown), tuple(findings), asked)


def _answer(target: Target, ask: Ask, stretch: Stretch, variables: Found) -> tuple[Answer, tuple[str, ...]]:
    """Return what a query gives at first, and the variables of which no single value that was tried gives anything."""
    first, *others = variables.choices(target.expr)
    answer = _asked(target, ask, stretch, first)
    if not answer.series:
        return answer, ()
    tried: dict[str, bool] = {}
    for one in others:
        name = one.said.partition("=")[0]
        if not tried.get(name):
            tried[name] = bool(_asked(target, ask, stretch, one).series)
    return answer, tuple(name for name, is_shown in tried.items() if not is_shown)


def _asked(target: Target, ask: Ask, stretch: Stretch, chosen: Chosen) -> Answer:
    expr = fill(target.expr, {**chosen.values, **built_in(stretch, target.min_step_s)})
    step = step_s(stretch, target.min_step_s)
    from_s = stretch.to_s if target.is_instant else stretch.from_s
    try:
        return Answer(target, expr, tuple(ask(expr, from_s, stretch.to_s, step)))
    except RefusedError as error:
        return Answer(target, expr, (), str(error))


def _judged(board: Board, panel: Panel, answer: Answer, empty_with: tuple[str, ...]) -> Iterator[Finding]:
    def finding(kind: Kind, said: str) -> Finding:
        return Finding(kind, board.key, panel.title, answer.target.ref, said)

    if answer.refused:
        yield finding(Kind.REFUSED, answer.refused)
    elif not answer.series:
        yield finding(Kind.EMPTY, answer.expr)
    elif not answer.values:
        yield finding(Kind.NAN, answer.expr)
    for name in empty_with:
        yield finding(Kind.EMPTY, f"with All there is something, with no single value of ${name}")
    low, high = bounds(panel, answer.target)
    if outside := [value for value in answer.values if not low <= value <= high]:
        said = f"{outside[0]:g} and {len(outside) - 1} more; the unit {answer.target.unit!r} allows {low:g} to {high:g}"
        yield finding(Kind.RANGE, said)
    for name in _IN_BRACES.findall(answer.target.legend):
        without = [one for one in answer.series if one.finite and not one.label(name)]
        if without:
            said = f"the legend says {{{{{name}}}}}, which {len(without)} of {len(answer.series)} series do not have"
            yield finding(Kind.LABEL, said)


def _of_annotation(board: Board, note: Annotation, answer: Answer) -> Iterator[Finding]:
    if answer.refused or not answer.values:
        kind, said = (Kind.REFUSED, answer.refused) if answer.refused else (Kind.EMPTY, answer.expr)
        yield Finding(kind, board.key, f"annotation {note.name}", "", said)


def _unneeded(proofs: Sequence[Proof], exceptions: Sequence[Exemption]) -> Iterator[Finding]:
    """Return a finding for each exception whose query gives something, or is not there."""
    answers = {
        (one.board.key, shown.panel.title, answer.target.ref): answer
        for one in proofs
        for shown in one.shown
        for answer in shown.answers
    }
    for one in exceptions:
        answer = answers.get(one.place)
        if answer is None or answer.values:
            said = "the query gives something" if answer else "there is no such query"
            yield Finding(Kind.EXCEPTION, *one.place, f"{said}; take the entry out")
