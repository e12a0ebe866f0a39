"""Whether the generator, and not the target, was the limit of a run."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

__all__ = ["LARGEST_LAG_SHARE", "SMALLEST_REACHED_SHARE", "Reason", "ReasonCode", "RunFacts", "invalid_reasons"]

SMALLEST_REACHED_SHARE = Fraction(99, 100)
LARGEST_LAG_SHARE = Fraction(1, 10)

# One process of the generator is one thread of Python: this near to one core it cannot keep a schedule.
# A worker that wakes up once a second is late by milliseconds; half a second is no scheduling noise.
_PAUSE_S = 0.5
_GENERATOR_BUSY = 0.9
_MACHINE_BUSY = 0.9
# Time that the hypervisor gave to others; a few per cent already shift wake-ups by milliseconds.
_STOLEN = 0.05
# Clocks may be apart by as much as requests may be late; where no objective has a limit, by a tenth of a second.
_CLOCKS_APART_S = Fraction(1, 10)


class ReasonCode(StrEnum):
    """Why a run is invalid."""

    NOT_REACHED = "not reached"
    LATE = "late"
    DROPPED = "dropped"
    LOST_WORKER = "lost worker"
    DAMAGED = "damaged"
    CLOCKS = "clocks apart"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the run folder knows about the generator.

    `intended` arrivals were scheduled, `started` were sent, `no_free_agent` could not be sent because every agent was
    busy (that is the target's doing), `dropped` were given up because too many were in flight. `lag_p99_s` is the
    99th percentile of actual start minus intended start, None when nothing was started. The busy shares are of one
    core for the busiest worker, of all cores for the machine; `steal_share` is the time the hypervisor took away;
    `longest_pause_s` is the longest time for which a worker did nothing at all. `samples_missing`
    is by how many the samples differ from what the end markers say. `lost_workers` names those that left no end
    marker, as far as they are known. `clock_error_s` is by how much the clocks of workers on several machines may have
    been apart, at the most. None is unknown.
    """

    intended: int
    started: int
    dropped: int
    no_free_agent: int
    lag_p99_s: float | None
    workers_expected: int
    workers_finished: int
    generator_busy_share: float | None = None
    machine_busy_share: float | None = None
    steal_share: float | None = None
    longest_pause_s: float | None = None
    samples_missing: int = 0
    lost_workers: tuple[str, ...] = ()
    clock_error_s: float | None = None

    def __post_init__(self) -> None:
        counts = (
            self.intended,
            self.started,
            self.dropped,
            self.no_free_agent,
            self.workers_expected,
            self.workers_finished,
        )
        if min(counts) < 0:
            raise ValueError(f"counts of a run must not be negative, found {self}")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why a run is invalid: what was seen, and who was at fault as far as the facts tell."""

    code: ReasonCode
    sentence: str
    culprit: str


def invalid_reasons(facts: RunFacts, smallest_limit_s: Fraction | float | None) -> tuple[Reason, ...]:
    """Return why the run is invalid, empty when it is valid.

    `smallest_limit_s` is the smallest latency limit among the objectives judged; None when none of them has a limit.
    """
    culprit = _culprit(facts)
    reached = facts.started + facts.no_free_agent
    sentences: list[tuple[ReasonCode, str]] = []
    if reached < SMALLEST_REACHED_SHARE * facts.intended:
        share = reached / facts.intended
        sentences.append(
            (
                ReasonCode.NOT_REACHED,
                f"reached {reached:,} of {facts.intended:,} intended arrivals ({share:.1%}, at least 99 % needed)",
            )
        )
    late = _late(facts.lag_p99_s, smallest_limit_s)
    if late is not None:
        sentences.append((ReasonCode.LATE, late))
    if facts.dropped:
        sentences.append((ReasonCode.DROPPED, f"{facts.dropped:,} arrivals were dropped, none may be"))
    lost = facts.workers_expected - facts.workers_finished
    if lost > 0:
        sentences.append(
            (
                ReasonCode.LOST_WORKER,
                f"{lost} of {facts.workers_expected} workers left no end marker: their samples may be incomplete"
                + (f" ({', '.join(facts.lost_workers)})" if facts.lost_workers else ""),
            )
        )
    if facts.samples_missing:
        sentences.append(
            (
                ReasonCode.DAMAGED,
                f"{facts.samples_missing:,} samples are missing that the end markers count: damaged files",
            )
        )
    reasons = [Reason(code, sentence, culprit) for code, sentence in sentences]
    apart = _clocks_apart(facts.clock_error_s, smallest_limit_s)
    if apart is not None:
        reasons.append(Reason(ReasonCode.CLOCKS, apart, "the network between master and workers, or their clocks"))
    return tuple(reasons)


def _late(lag_p99_s: float | None, smallest_limit_s: Fraction | float | None) -> str | None:
    if lag_p99_s is None or smallest_limit_s is None:
        return None
    largest = LARGEST_LAG_SHARE * Fraction(smallest_limit_s)
    if lag_p99_s <= largest:
        return None
    return (
        f"requests left late: schedule lag p99 {lag_p99_s * 1000:.1f} ms, at most {float(largest) * 1000:.1f} ms "
        f"allowed (a tenth of the smallest limit judged, {float(smallest_limit_s):g} s)"
    )


def _clocks_apart(clock_error_s: float | None, smallest_limit_s: Fraction | float | None) -> str | None:
    """Hold the clocks of several machines to what the schedule is held to: apart is as bad as late."""
    if clock_error_s is None:
        return None
    largest = LARGEST_LAG_SHARE * Fraction(smallest_limit_s) if smallest_limit_s is not None else _CLOCKS_APART_S
    if clock_error_s <= largest:
        return None
    return (
        f"the clocks of master and workers may be {clock_error_s * 1000:.1f} ms apart, at most "
        f"{float(largest) * 1000:.1f} ms allowed: their shares of the schedule do not add up to one"
    )


def _culprit(facts: RunFacts) -> str:
    """Name the likeliest cause, the one outside the generator first: it would explain the others."""
    if facts.longest_pause_s is not None and facts.longest_pause_s > _PAUSE_S:
        return f"the generator stood still for {facts.longest_pause_s:.1f} s: it was stopped, or robbed of its core"
    if facts.steal_share is not None and facts.steal_share > _STOLEN:
        return f"the hypervisor gave {facts.steal_share:.0%} of this machine's time to others"
    if facts.generator_busy_share is not None and facts.generator_busy_share > _GENERATOR_BUSY:
        return f"a worker of the generator was busy {facts.generator_busy_share:.0%} of one core; use more workers"
    if facts.machine_busy_share is not None and facts.machine_busy_share > _MACHINE_BUSY:
        return f"the machine was {facts.machine_busy_share:.0%} busy; generator and target need cores of their own"
    if None in {facts.steal_share, facts.generator_busy_share, facts.machine_busy_share}:
        return "unknown: the load of the machine was not recorded"
    return "unknown: neither the generator nor the machine was busy"
