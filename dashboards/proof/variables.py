"""Which values do a dashboard's variables have at a Prometheus, and with which of them is a query asked?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from dashboards.proof.board import Board, Variable
from dashboards.proof.filling import built_in, fill, names_in
from dashboards.proof.finding import Finding, Kind
from dashboards.proof.series import Ask, RefusedError, Stretch

_ALL: Final = "$__all"
_TRIED: Final = 8  # values of a variable, one after the other, until a panel shows something
_QUERY: Final = re.compile(r"\s*(label_values|metrics|query_result|label_names)\s*\((.*)\)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What all variables are set to; `said` is empty for All."""

    values: Mapping[str, str]
    said: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The values of each variable, in their order, and what is wrong with those that have none."""

    board: Board
    values: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...]

    def choices(self, expr: str) -> Iterator[Chosen]:
        """Return what a query is asked with: All where there is one, and else the first values; only what it names.

        After it come single values of those with All, of which one at least has to show something.
        """
        named = names_in(expr)
        usual = {one.name: self._usual(one) for one in self.board.variables}
        yield Chosen(usual)
        for one in self.board.variables:
            if one.has_all and one.name in named:
                for value in islice(self.values[one.name], _TRIED):
                    yield Chosen({**usual, one.name: value}, f"{one.name}={value}")

    def _usual(self, variable: Variable) -> str:
        return usual(variable, self.values[variable.name])


def find(board: Board, ask: Ask, stretch: Stretch) -> Found:
    """Ask for the values of each variable, in the order in which one may name another."""
    values: dict[str, tuple[str, ...]] = {}
    findings: list[Finding] = []
    for variable in board.variables:
        if variable.query and variable.kind == "query":
            chosen = {one.name: usual(one, values[one.name]) for one in board.variables if one.name in values}
            query = fill(variable.query, {**chosen, **built_in(stretch)})
            try:
                values[variable.name] = _asked(query, ask, stretch)
            except RefusedError as error:
                values[variable.name] = ()
                findings.append(_finding(board, variable, Kind.REFUSED, str(error)))
            else:
                if not values[variable.name]:
                    findings.append(_finding(board, variable, Kind.VARIABLE, f"{query} gives nothing"))
        else:
            values[variable.name] = variable.values
    return Found(board, values, tuple(findings))


def usual(variable: Variable, values: tuple[str, ...]) -> str:
    """Return what Grafana puts in at first: All as it is written down, or every value joined, or the first one."""
    if not variable.has_all:
        return values[0] if values else ""
    return variable.all_value or "|".join(map(re.escape, values))


def _finding(board: Board, variable: Variable, kind: Kind, said: str) -> Finding:
    return Finding(kind, board.key, f"variable {variable.name}", "", said)


def _asked(query: str, ask: Ask, stretch: Stretch) -> tuple[str, ...]:
    found = _QUERY.fullmatch(query)
    if found is None:
        raise RefusedError(f"{query!r} is no query of a variable; allowed are label_values(…), query_result(…)")
    function, inner = found[1], found[2].strip()
    if function == "label_values":
        selector, _, label = inner.rpartition(",")
        return _labels(selector.strip() or '{__name__!=""}', label.strip(), ask, stretch)
    if function == "metrics":
        return _labels(f'{{__name__=~"{inner}"}}', "__name__", ask, stretch)
    if function == "query_result":
        found_series = ask(inner, stretch.to_s, stretch.to_s, 1.0)
        return tuple(sorted(str(dict(one.labels)) for one in found_series))
    raise RefusedError(f"{function}() is not tried here")


def _labels(selector: str, label: str, ask: Ask, stretch: Stretch) -> tuple[str, ...]:
    step = max(stretch.seconds / 20, stretch.scrape_interval_s)
    found = ask(f"group by ({label}) ({selector})", stretch.from_s, stretch.to_s, step)
    return tuple(sorted({one.label(label) for one in found} - {""}))
