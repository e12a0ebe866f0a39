"""What an objective is: its target, the load samples that count for it, the queries that read it in production."""

from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from fractions import Fraction

from slo.calendar_period import CalendarPeriod
from slo.errors import UnknownObjectiveError
from slo.maintenance import Maintenance
from slo.operations import OPERATIONS

__all__ = [
    "AlertCondition",
    "AlertPolicy",
    "Catalogue",
    "DataSource",
    "Kind",
    "Location",
    "Measure",
    "NotificationTarget",
    "Objective",
    "Phase",
    "SampleFilter",
    "Service",
    "Source",
]


class Phase(StrEnum):
    """The part of a run in which a request was due."""

    STEADY = "steady"
    DRILL = "drill"
    RECOVERY = "recovery"


class Kind(StrEnum):
    """How an objective is judged: as a share of good requests, or as a rule that no request may break."""

    SHARE = "share"
    INVARIANT = "invariant"


class Measure(StrEnum):
    """What is held against the limit; both times run from the INTENDED start of the request."""

    RESPONSE_TIME = "response_time"
    TIME_TO_FIRST_TOKEN = "time_to_first_token"  # noqa: S105 - a name of a measure, no password
    NONE = "none"  # availability only: a request is good when it is not an error


class Source(StrEnum):
    """Who answered a request through the bridge."""

    LETTA = "letta"
    MEMORY_PYTHON = "memory-python"


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a catalogue something was said; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Which load samples count, and what makes one of them good: no error, and the measure strictly under the limit.

    With `answered_by`, an answer from anybody else is not good.
    """

    operations: frozenset[str]
    phases: frozenset[Phase]
    measure: Measure
    limit_s: Fraction | None
    answered_by: Source | None = None

    def __post_init__(self) -> None:
        if not self.operations or not self.operations <= OPERATIONS:
            raise ValueError(f"operations {sorted(self.operations)} must be some of {sorted(OPERATIONS)}")
        if not self.phases:
            raise ValueError("a filter without a phase can count nothing")
        if (self.measure is Measure.NONE) != (self.limit_s is None):
            raise ValueError(f"measure {self.measure.value!r} and limit {self.limit_s} do not fit: both or neither")
        if self.limit_s is not None and self.limit_s <= 0:
            raise ValueError(f"limit {self.limit_s} s must be above zero")

    def counts(self, operation: str, phase: Phase) -> bool:
        """Say whether a request of this operation, due in this phase, is in the total."""
        return operation in self.operations and phase in self.phases

    def is_good(self, *, error: bool, measured_s: float | None, source: str = "") -> bool:
        """Say whether a counted request is good; `measured_s` is the filter's measure, None when it never came."""
        if error or (self.answered_by is not None and source != self.answered_by):
            return False
        if self.limit_s is None:
            return True
        return measured_s is not None and measured_s < self.limit_s


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise about one service, said twice: as a filter on load samples and as queries on production metrics.

    `target` is the share of good requests promised (19/20 for 95 %), None for an invariant. A share has `good_query`
    and `total_query`, an invariant `bad_query` and `total_query`. `source` names the requirement behind the number and,
    where the documents give none, our reason for it.
    """

    name: str
    title: str
    service: str
    kind: Kind
    target: Fraction | None
    samples: SampleFilter
    good_query: str | None
    total_query: str | None
    period: timedelta
    description: str
    source: str
    origin: Location
    bad_query: str | None = None
    alert_policies: tuple[str, ...] = ()
    data_source: str | None = None
    calendar: CalendarPeriod | None = None
    maintenance: tuple[Maintenance, ...] = ()
    in_flight_query: str | None = None

    def __post_init__(self) -> None:
        if self.kind is Kind.SHARE and (self.target is None or not 0 < self.target < 1):
            raise ValueError(f"objective {self.name!r}: target {self.target} must lie between 0 and 1, both excluded")
        if self.kind is Kind.INVARIANT and self.target is not None:
            raise ValueError(f"objective {self.name!r}: an invariant has no target, found {self.target}")

    @property
    def allowed_bad_share(self) -> Fraction:
        """The error budget as a share of all requests; zero for an invariant."""
        return Fraction(0) if self.target is None else 1 - self.target


@dataclass(frozen=True, slots=True)
class Service:
    """A named group of objectives."""

    name: str
    title: str
    description: str
    origin: Location


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where the queries of objectives are asked; `type` as the file gives it, such as "Prometheus"."""

    name: str
    title: str
    type: str
    description: str
    origin: Location


@dataclass(frozen=True, slots=True)
class AlertCondition:
    """A burn rate over a look-back window, held for `alert_after`, that is worth an alert of `severity`."""

    name: str
    title: str
    severity: str
    threshold: Fraction
    lookback_window: timedelta
    alert_after: timedelta
    description: str
    origin: Location


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """A channel that an alert policy tells."""

    name: str
    title: str
    target: str
    description: str
    origin: Location


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """Which condition tells which channels, and when."""

    name: str
    title: str
    condition: str
    notification_targets: tuple[str, ...]
    when_breaching: bool
    when_resolved: bool
    when_no_data: bool
    description: str
    origin: Location


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything a set of catalogue files says, in the order of files and documents."""

    objectives: tuple[Objective, ...]
    services: tuple[Service, ...] = ()
    data_sources: tuple[DataSource, ...] = ()
    alert_policies: tuple[AlertPolicy, ...] = ()
    alert_conditions: tuple[AlertCondition, ...] = ()
    notification_targets: tuple[NotificationTarget, ...] = ()

    def objective(self, name: str) -> Objective:
        """Return the objective of that name.

        Raises:
            UnknownObjectiveError: there is none; the error carries the names there are and the nearest of them.
        """
        for objective in self.objectives:
            if objective.name == name:
                return objective
        names = tuple(objective.name for objective in self.objectives)
        raise UnknownObjectiveError(name, names, next(iter(get_close_matches(name, names, n=1)), None))

    def of_service(self, service: str) -> tuple[Objective, ...]:
        """Return the objectives of a service, in the order of the catalogue."""
        return tuple(objective for objective in self.objectives if objective.service == service)
