"""What of a dashboard can be asked: its panels with their queries, its variables and its annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel; `min_step` is a number of seconds, 0 where the panel names none."""

    ref: str
    expr: str
    legend: str = ""
    unit: str = ""
    is_instant: bool = False
    min_step_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel stands on Grafana's grid of 24 columns."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which value on a colour holds; None is from the lowest."""

    value: float | None
    colour: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `texts` are Markdown of a panel that asks nothing, `renamed` the columns of a table."""

    title: str
    kind: str
    place: Place
    targets: tuple[Target, ...] = ()
    description: str = ""
    text: str = ""
    no_value: str = ""
    low: float | None = None
    high: float | None = None
    thresholds: tuple[Threshold, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable; `values` are those that stand in the dashboard, of one that is asked for there are none."""

    name: str
    kind: str
    query: str = ""
    values: tuple[str, ...] = ()
    has_all: bool = False
    all_value: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One query whose results are marked over all panels."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; `origin` is the file it was read from."""

    origin: str
    uid: str
    title: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    annotations: tuple[Annotation, ...]

    @property
    def key(self) -> str:
        """Short name by which people speak of it."""
        return self.uid.removeprefix("letta-slo-")
