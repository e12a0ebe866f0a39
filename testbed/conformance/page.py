"""How does a comparison read on one page, for a person and for a program?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from testbed.conformance.allowed import Judged
from testbed.conformance.differences import Difference

_LONGEST = 64  # characters of a value in the table; JSON has the whole
_MOST_NAMES = 3
_WIDTH = 150  # where there is no terminal


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, what was left out, and in what the two differ."""

    stub: str
    letta: str
    compared: int
    left_out: tuple[str, ...]
    judged: tuple[Judged, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Those that nothing allows."""
        return tuple(one.difference for one in self.judged if one.allowed is None)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison with every difference whole."""
    return {
        "stub": comparison.stub,
        "letta": comparison.letta,
        "equal": not comparison.differences,
        "exchanges": comparison.compared,
        "left_out": list(comparison.left_out),
        "differences": [
            {
                "exchange": one.difference.exchange,
                "endpoint": one.difference.endpoint,
                "what": one.difference.what.value,
                "field": one.difference.field,
                "stub": one.difference.stub,
                "letta": one.difference.letta,
                "allowed": one.allowed.reason if one.allowed is not None else None,
            }
            for one in comparison.judged
        ],
    }


def show(comparison: Comparison, console: Console | None = None) -> None:
    """Print one line for each kind of difference, those that nothing allows first, and the result."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, highlight=False, width=max(console.width, _WIDTH))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("exchange", "where", "stub", "Letta", "allowed because"):
        table.add_column(title, overflow="fold")
    for row in _rows(comparison.judged):
        table.add_row(*row, style="bold red" if row[-1] == _NOT_ALLOWED else None)
    if comparison.judged:
        console.print(table)
    if comparison.left_out:
        console.print(f"- not sent, they need the suite's own model server or Redis: {', '.join(comparison.left_out)}")
    different, meant = len(comparison.differences), len(comparison.judged) - len(comparison.differences)
    console.print(f"{comparison.compared} exchanges with {comparison.stub} and with {comparison.letta}")
    mark, style = ("✗", "bold red") if different else ("✓", "green")
    console.print(f"{mark} {different} differences, and {meant} that are allowed", style=style)


_NOT_ALLOWED = "DIFFERENCE"


def _rows(judged: Iterable[Judged]) -> list[tuple[str, str, str, str, str]]:
    """Return the cells of the table: what nothing allows by what differs, the rest by the entry that allows it."""
    rows = []
    for _, group in groupby(sorted(judged, key=_key), _key):
        alike = list(group)
        first, entry = alike[0].difference, alike[0].allowed
        where = f"{first.what} {entry.field if entry is not None else first.field}"
        reason = entry.reason if entry is not None else _NOT_ALLOWED
        names = list(dict.fromkeys(one.difference.exchange for one in alike))
        rows.append((_names(names), where, _short(first.stub), _short(first.letta), reason))
    return rows


def _key(one: Judged) -> tuple[int, str, str, str, str]:
    difference = one.difference
    if one.allowed is not None:
        return one.allowed.line, "", "", "", ""
    return 0, difference.what, difference.field, difference.stub, difference.letta


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
