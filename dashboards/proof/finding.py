"""What can be wrong with a panel, a variable or an annotation?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """One kind of fault."""

    SYNTAX = "no PromQL"
    REFUSED = "refused"
    EMPTY = "empty"
    NAN = "only NaN"
    RANGE = "impossible value"
    LABEL = "label missing"
    COUNTER = "bare counter"
    UNIT = "wrong unit"
    WINDOW = "window too short"
    VARIABLE = "variable without value"
    ALL_VALUE = "allValue missing"
    UNDEFINED = "variable not defined"
    EXCEPTION = "exception not needed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: where, and what was found; `query` is the letter of a panel's query, empty for what has none."""

    kind: Kind
    dashboard: str
    panel: str
    query: str
    found: str

    def __str__(self) -> str:
        where = f"{self.dashboard} / {self.panel}" + (f" / {self.query}" if self.query else "")
        return f"{where}: {self.kind.value}: {self.found}"
