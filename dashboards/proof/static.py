"""What is wrong with a dashboard before anybody is asked: by its expressions and its variables alone?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from alerts.errors import RuleError
from alerts.promql import selectors
from dashboards.proof.board import Board, Panel, Target
from dashboards.proof.counters import is_counter, is_read
from dashboards.proof.filling import built_in, fill, names_in
from dashboards.proof.finding import Finding, Kind
from dashboards.proof.series import Stretch
from dashboards.proof.units import complaint

_SCRAPES: Final = 4  # a window of fewer may hold one sample after a scrape that failed, and rate() needs two
_ANY: Final = "x"  # in the place of a variable: what it is does not matter to a parser
_AT_ITS_QUICKEST: Final = 900.0  # a dashboard of 15 minutes: the shortest windows that Grafana puts in


def look(board: Board, scrape_interval_s: float) -> Iterator[Finding]:
    """Return what is wrong with a dashboard whose series are scraped or pushed so often."""
    stretch = Stretch(0.0, _AT_ITS_QUICKEST, scrape_interval_s)
    for variable in board.variables:
        if variable.has_all and not variable.all_value:
            said = "with All chosen Grafana joins every value, and where there is none asks for the empty one"
            yield Finding(Kind.ALL_VALUE, board.key, f"variable {variable.name}", "", said)
    for panel in board.panels:
        for target in panel.targets:
            yield from _target(board, panel, target, stretch)
    for note in board.annotations:
        yield from _expression(board, f"annotation {note.name}", "", fill_any(board, note.expr, stretch), stretch)


def fill_any(board: Board, expr: str, stretch: Stretch, min_step_s: float = 0.0) -> str:
    """Return an expression with any value in the place of each variable, so that a parser can read it."""
    own = {one.name: one.values[0] if one.values else _ANY for one in board.variables}
    return fill(expr, {**own, **built_in(stretch, min_step_s)})


def _target(board: Board, panel: Panel, target: Target, stretch: Stretch) -> Iterator[Finding]:
    known = {one.name for one in board.variables} | set(built_in(stretch))
    for name in sorted(names_in(target.expr) - known):
        said = f"${name} is none of the dashboard's"
        yield Finding(Kind.UNDEFINED, board.key, panel.title, target.ref, said)
    expr = fill_any(board, target.expr, stretch, target.min_step_s)
    faults = list(_expression(board, panel.title, target.ref, expr, stretch))
    yield from faults
    if not any(one.kind is Kind.SYNTAX for one in faults) and (said := complaint(expr, target.unit)):
        yield Finding(Kind.UNIT, board.key, panel.title, target.ref, said)


def _expression(board: Board, panel: str, ref: str, expr: str, stretch: Stretch) -> Iterator[Finding]:
    try:
        read = selectors(expr)
    except RuleError as error:
        yield Finding(Kind.SYNTAX, board.key, panel, ref, str(error))
        return
    shortest = timedelta(seconds=_SCRAPES * stretch.scrape_interval_s)
    for one in read:
        if is_counter(one.metric) and not is_read(one.within):
            said = f"{one.metric} only ever rises; show how fast, by rate() or increase()"
            yield Finding(Kind.COUNTER, board.key, panel, ref, said)
        if one.window is not None and one.window < shortest:
            said = (
                f"{one.metric} over {one.window.total_seconds():g} s; allowed is {shortest.total_seconds():g} s or "
                f"more, {_SCRAPES} times {stretch.scrape_interval_s:g} s"
            )
            yield Finding(Kind.WINDOW, board.key, panel, ref, said)
