"""Which metrics are exposed and shown on no dashboard, and which are shown that nobody exposes?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.errors import RuleError
from alerts.promql import selectors
from dashboards.proof.board import Board
from dashboards.proof.families import family
from dashboards.proof.series import Ask, Stretch
from dashboards.proof.static import fill_any


@dataclass(frozen=True, slots=True)
class Coverage:
    """Names of series: those that dashboards ask for, those that the Prometheus has, and what only one side has."""

    asked: frozenset[str]
    exposed: frozenset[str]

    @property
    def never_shown(self) -> tuple[str, ...]:
        """Exposed and on no dashboard; a histogram counts as shown when one of its parts is."""
        shown = {family(one) for one in self.asked}
        return tuple(sorted({family(one) for one in self.exposed} - shown))

    @property
    def never_exposed(self) -> tuple[str, ...]:
        """On a dashboard, and unknown to the Prometheus."""
        return tuple(sorted(self.asked - self.exposed))


def coverage(boards: Iterable[Board], ask: Ask, stretch: Stretch) -> Coverage:
    """Return what dashboards ask for beside what there is in the stretch."""
    step = max(stretch.seconds / 20, stretch.scrape_interval_s)
    found = ask('group by (__name__) ({__name__!=""})', stretch.from_s, stretch.to_s, step)
    asked: set[str] = set()
    for board in boards:
        for panel in board.panels:
            for target in panel.targets:
                asked |= _metrics(fill_any(board, target.expr, stretch, target.min_step_s))
    return Coverage(frozenset(asked - {""}), frozenset(one.label("__name__") for one in found))


def _metrics(expr: str) -> set[str]:
    try:
        return {one.metric for one in selectors(expr)}
    except RuleError:  # said elsewhere
        return set()
