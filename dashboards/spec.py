"""What is a dashboard before any tool's format? Questions, their queries, and what a person does about answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from dashboards.errors import DashboardError

TAG = "letta-slo"
FOLDER = "letta-slo"
FOLDER_TITLE = "Letta SLO"
UID_PREFIX = "letta-slo-"
COLUMNS = 24  # Grafana's grid is so wide
# Our processes export each 15 s, and the collectors of host, Redis and PostgreSQL are scraped as often. A step below
# that would leave one sample in a window of rate(), and the panel empty.
EXPORT_INTERVAL = "15s"


class Kind(StrEnum):
    """What a panel looks like; the values are Grafana's."""

    TIMESERIES = "timeseries"
    STAT = "stat"
    TABLE = "table"
    STATES = "state-timeline"
    HEATMAP = "heatmap"
    TEXT = "text"


class Unit(StrEnum):
    """What a number counts; the values are Grafana's."""

    SECONDS = "s"
    SHARE = "percentunit"
    NUMBER = "short"
    EVENTS_A_SECOND = "ops"
    REQUESTS_A_SECOND = "reqps"
    BYTES = "bytes"
    BYTES_A_SECOND = "Bps"
    NONE = "none"


class Colour(StrEnum):
    """What a value means to a person on call."""

    GOOD = "green"
    WARN = "orange"
    BAD = "red"
    PLAIN = "blue"


@dataclass(frozen=True, slots=True)
class Step:
    """From this value upwards the colour is meant; None is from below all."""

    above: Fraction | None
    colour: Colour


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression, with Grafana's variables in it, and the name of each of its series.

    `legend` names labels in {{braces}}; empty for a table, where they are columns. `has_exemplars` asks for traces
    beside the values.
    """

    expr: str
    legend: str = ""
    has_exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A way out of Grafana; `url` may hold Grafana's variables."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class ToRunbook:
    """The way to what a person does about an alert: a file in `alerts/runbooks/` by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class ToDashboard:
    """The way to another dashboard by its key; the range of time goes along."""

    key: str
    title: str


@dataclass(frozen=True, slots=True)
class ToObjective:
    """The way to the dashboard of one objective; `slo` is its name, or a variable of Grafana's that holds it."""

    slo: str


Way = Link | ToRunbook | ToDashboard | ToObjective


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: a label of its queries, or the values of the query with this number, counted from 0."""

    title: str
    of: str | int
    unit: Unit = Unit.NONE
    steps: tuple[Step, ...] = ()
    link: Way | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One question. `what` it shows, `why` it is asked, what to `do` about a bad answer, and `no_data` in its place.

    `links` lead on from the panel, `series_links` from one of its series, whose labels they may name.
    `width` is in columns of 24, `height` in Grafana's rows of about 30 pixels. `maximum` is the top of the scale.
    A table joins its queries by all of their labels;
    `sorted_by` is the title of its column that has the lowest value first. `text` is all of a panel without queries.
    `decimals` are Grafana's choice where none are given: it rounds 99.95 % to 100 %.
    `every` is how often what it reads gets a new value. `values` names single values, as 1 for "open".
    """

    title: str
    kind: Kind
    what: str
    why: str = ""
    do: str = ""
    queries: tuple[Query, ...] = ()
    unit: Unit = Unit.NONE
    no_data: str = ""
    steps: tuple[Step, ...] = ()
    links: tuple[Way, ...] = ()
    series_links: tuple[Way, ...] = ()
    width: int = 8
    height: int = 8
    maximum: int | None = None
    is_stacked: bool = False
    columns: tuple[Column, ...] = ()
    sorted_by: str = ""
    values: tuple[tuple[int, str, Colour], ...] = ()
    text: str = ""
    every: str = EXPORT_INTERVAL
    decimals: int | None = None

    def __post_init__(self) -> None:
        if self.kind is Kind.TEXT:
            if not self.text or self.queries:
                raise DashboardError(f"panel {self.title!r}: a panel of text has a text, and no query")
        elif not (self.queries and self.no_data and self.why and self.do):
            raise DashboardError(
                f"panel {self.title!r}: needs queries, a text for no data, why it is there, what to do"
            )
        if not 1 <= self.width <= COLUMNS:
            raise DashboardError(f"panel {self.title!r}: width {self.width} is not 1 to {COLUMNS}")

    @property
    def description(self) -> str:
        """What, why and what to do, in Markdown."""
        parts = [self.what, f"**Why:** {self.why}" if self.why else "", f"**Do:** {self.do}" if self.do else ""]
        return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, laid out from left to right."""

    title: str
    panels: tuple[Panel, ...]


class Choice(StrEnum):
    """Where the values of a variable come from."""

    QUERY = "query"
    TYPED = "textbox"
    DATA_SOURCE = "datasource"


@dataclass(frozen=True, slots=True)
class Variable:
    """What a person chooses at the top. `query` is Grafana's `label_values(...)`, or the text at first.

    With `has_all`, several can be chosen, and all of them are at first.
    """

    name: str
    label: str
    choice: Choice
    query: str
    description: str
    has_all: bool = False
    first: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What happened, drawn across all panels: each moment at which the expression has a series.

    With `is_time_in_value` the values are the moments, in milliseconds since 1970.
    """

    name: str
    expr: str
    colour: Colour
    title: str
    text: str
    tags: tuple[str, ...] = ()
    is_time_in_value: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page for one person with one question; its uid is `letta-slo-<key>`."""

    key: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    span: str = "now-6h"
    tags: tuple[str, ...] = field(default=(TAG,))

    @property
    def uid(self) -> str:
        """Under which a Grafana keeps it; links and alerts name it."""
        return f"{UID_PREFIX}{self.key}"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in their order."""
        return tuple(panel for row in self.rows for panel in row.panels)
