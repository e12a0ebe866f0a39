"""What do the counters of production say about one objective between two times, and what could not be seen?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from production.client import Labels, Prometheus, RawSeries
from production.errors import QueryError
from production.selector import Selector, count_in, parse
from slo.counters import CounterSamples, Growth, growth, scrape_interval_s, uncovered_s
from slo.objective import Objective
from slo.share import BlockCounts

_LOOKBACK_S = 300.0  # as far back as Prometheus itself looks for the last sample
_USUAL_INTERVAL_S = 15.0
_MOST_BLOCKS = 10_000
_NAMED = 3  # of each kind of observation, so many are named with their time
# So much of a window may have gone unseen, and its counts are still taken for complete.
MOST_UNCOVERED = 0.01


@dataclass(frozen=True, slots=True)
class Reading:
    """Counts of one objective. `said` is what happened to the counters; `doubts` is what forbids calling it met.

    An invariant has its violations in `violations`, None where no counter of them was seen.
    """

    objective: Objective
    length_s: float
    counts: BlockCounts
    total: int
    total_is_counted: bool  # its counter is there, even if it did not grow
    violations: int | None
    said: tuple[str, ...]
    doubts: tuple[str, ...]


@dataclass(slots=True)
class _Window:
    prometheus: Prometheus
    from_s: float
    to_s: float
    step_s: float | None
    scrapes: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    process_starts: dict[tuple[str, str], float] = field(default_factory=dict)
    jobs_asked: set[str] = field(default_factory=set)

    def series(self, selector: str, lookback_s: float = _LOOKBACK_S) -> list[RawSeries]:
        start = self.from_s - lookback_s
        if self.step_s is None:
            return self.prometheus.raw(selector, start, self.to_s)
        return self.prometheus.stepped(selector, self.from_s, self.to_s, self.step_s)


def read(
    prometheus: Prometheus, objective: Objective, from_s: float, to_s: float, *, step_s: float | None = None
) -> Reading:
    """Count the objective's events after `from_s` and until `to_s`, from raw samples, or from one each `step_s`.

    Raises PrometheusError and QueryError.
    """
    # Prometheus keeps milliseconds: the value asked for at a finer `to_s` would come back as one after it.
    from_s, to_s = round(from_s, 3), round(to_s, 3)
    window = _Window(prometheus, from_s, to_s, step_s)
    first_query = objective.good_query or objective.bad_query
    if first_query is None or objective.total_query is None:
        raise QueryError(f"{objective.name} has no queries in the catalogue, so it cannot be read from a Prometheus")
    one, total = _counters(window, parse(first_query)), _counters(window, parse(objective.total_query))
    _learn_scrapes(window, [*one, *total])
    every = [each.times_s for each in (*one.values(), *total.values())] + list(window.scrapes.values())
    interval_s = scrape_interval_s(every) or step_s or _USUAL_INTERVAL_S
    grown_one = [_grown(window, labels, samples, interval_s, every) for labels, samples in one.items()]
    grown_total = [_grown(window, labels, samples, interval_s, every) for labels, samples in total.items()]
    counts, excess = _blocks(grown_one, grown_total, from_s, to_s, interval_s)
    if objective.good_query is not None and excess > 10 + sum(each.total for each in grown_total) // 100:
        raise QueryError(
            f"{objective.name}: {excess:,} more good events than events in all were counted; its two queries do not fit"
        )
    said = _observations([*grown_one, *grown_total])
    if excess and objective.good_query is not None:
        said = (*said, f"{excess:,} good events belong to requests that began before the window")
    if objective.maintenance:
        said = (*said, "what came in a planned maintenance is counted here, and left out by the alert rules")
    is_seen = bool(one) or _is_there(window, parse(first_query))
    return Reading(
        objective=objective,
        length_s=to_s - from_s,
        counts=counts if objective.good_query is not None and is_seen else _nothing(),
        total=sum(each.total for each in grown_total),
        total_is_counted=bool(total),
        violations=sum(each.total for each in grown_one) if objective.bad_query is not None and one else None,
        said=said if is_seen else (*said, f"there is no metric {parse(first_query).name}"),
        doubts=_doubts(window, [*grown_one, *grown_total], every, interval_s),
    )


def _counters(window: _Window, selector: Selector) -> dict[Labels, CounterSamples]:
    found = window.series(selector.classic)
    if not found and selector.native is not None:
        found = [
            RawSeries(one.labels, tuple((time, count_in(value, selector)) for time, value in one.samples))
            for one in window.series(selector.native)
        ]
    merged: dict[Labels, dict[float, float]] = {}
    for one in found:
        merged.setdefault(_without_spelling(one.labels), {}).update(one.samples)
    ordered = {labels: sorted(one.items()) for labels, one in merged.items()}
    try:
        return {
            labels: CounterSamples([time for time, _ in one], [value for _, value in one])
            for labels, one in ordered.items()
        }
    except (ValueError, TypeError) as error:
        raise QueryError(f"{selector.classic}: {error}") from error


def _without_spelling(labels: Labels) -> Labels:
    """Return the labels without `le`: of one selector it is one edge, however the server spells it."""
    return tuple((name, value) for name, value in labels if name != "le")


def _target_of(labels: Labels) -> tuple[str, str]:
    named = dict(labels)
    return named.get("job", ""), named.get("instance", "")


def _learn_scrapes(window: _Window, found: Iterable[Labels]) -> None:
    """Ask when the targets of these series were scraped with success, and when their processes began."""
    for job in sorted({_target_of(labels)[0] for labels in found} - {""} - window.jobs_asked):
        window.jobs_asked.add(job)
        chosen = f'{{job="{job}"}}'
        for one in window.series(f"up{chosen}"):
            window.scrapes[_target_of(one.labels)] = np.array([time for time, is_up in one.samples if is_up])
        for one in window.series(f"process_start_time_seconds{chosen}"):
            window.process_starts[_target_of(one.labels)] = float(one.samples[-1][1])


def _grown(
    window: _Window,
    labels: Labels,
    samples: CounterSamples,
    interval_s: float,
    every: Sequence[NDArray[np.float64]],
) -> Growth:
    target = _target_of(labels)
    first = float(samples.times_s[0])
    scrapes = window.scrapes.get(target)
    # Without `up`, as where samples are pushed, any other series shows that somebody was watching.
    watched = [scrapes] if scrapes is not None else list(every)
    was_watched = any(((times < first) & (times >= first - 2.5 * interval_s)).any() for times in watched)
    is_young = window.process_starts.get(target, -np.inf) > window.from_s
    return growth(samples, window.from_s, window.to_s, interval_s=interval_s, began_at_zero=was_watched or is_young)


def _blocks(
    one: Sequence[Growth], total: Sequence[Growth], from_s: float, to_s: float, interval_s: float
) -> tuple[BlockCounts, int]:
    """Return good and bad per block of time, and by how much good exceeds the total.

    A total that counts requests as they come runs ahead of a good that counts them as they end. So an event is taken
    for bad only from where the two never meet again.
    """
    block_s = max(interval_s, (to_s - from_s) / _MOST_BLOCKS)
    blocks = max(1, int(np.ceil((to_s - from_s) / block_s)))
    good, all_of_them = _binned(one, from_s, block_s, blocks), _binned(total, from_s, block_s, blocks)
    ahead = np.cumsum(all_of_them - good)
    settled = np.clip(np.minimum.accumulate(ahead[::-1])[::-1], 0, None)
    bad = np.diff(settled, prepend=0)
    return BlockCounts(block_s, all_of_them - bad, bad), max(0, -int(ahead[-1]))


def _binned(grown: Sequence[Growth], from_s: float, block_s: float, blocks: int) -> NDArray[np.int64]:
    counts = np.zeros(blocks, np.int64)
    for one in grown:
        place = np.clip(np.ceil((one.times_s - from_s) / block_s).astype(np.int64) - 1, 0, blocks - 1)
        np.add.at(counts, place, one.counts)
    return counts


def _nothing() -> BlockCounts:
    return BlockCounts(1.0, [0], [0])


def _is_there(window: _Window, selector: Selector) -> bool:
    """Whether there is a metric of that name at all, with whatever labels: then none of it was good."""
    bare = Selector(selector.name, (), None)
    step_s = max(_USUAL_INTERVAL_S, (window.to_s - window.from_s) / 100)
    names = (bare.classic, *([bare.native] if bare.native else []))
    return any(window.prometheus.stepped(name, window.from_s, window.to_s, step_s) for name in names)


def _observations(grown: Sequence[Growth]) -> tuple[str, ...]:
    """Say what happened to the counters; each time once, however many series saw it."""
    resets = sorted({time for one in grown for time in one.resets})
    missed = sorted({time for one in grown for time in one.missed})
    gaps = sorted({gap for one in grown for gap in one.gaps})
    said = []
    if resets:
        said.append(f"counters began again {_times(resets)}: what they counted after the last look before is unknown")
    if missed:
        said.append(f"scrapes were missed before {_times(missed)}: the counts went on")
    if gaps:
        longest = max(end - begin for begin, end in gaps)
        ends = _times([end for _, end in gaps])
        said.append(f"gaps of more than two scrapes end {ends}, the longest of {longest:.0f} s")
    return tuple(said)


def _doubts(
    window: _Window, grown: Sequence[Growth], every: Sequence[NDArray[np.float64]], interval_s: float
) -> tuple[str, ...]:
    times = [time for each in every for time in each.tolist()]
    unseen_s = uncovered_s(times, window.from_s, window.to_s, interval_s=interval_s)
    doubts = []
    if unseen_s > MOST_UNCOVERED * (window.to_s - window.from_s):
        doubts.append(f"nothing was seen for {unseen_s:,.0f} s of {window.to_s - window.from_s:,.0f} s")
    lost = sorted({stretch for one in grown for stretch in one.lost})
    if lost:
        doubts.append(f"a counter began again in a gap that ended {_times([end for _, end in lost])}")
    unknown = sum(not one.is_start_known for one in grown)
    if unknown:
        doubts.append(f"what {unknown} counters held when they were first seen may be older than the window")
    return tuple(doubts)


def _times(times: Sequence[float]) -> str:
    named = ", ".join(datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ") for time in times[:_NAMED])
    return f"at {named}" + (f" and {len(times) - _NAMED} more times" if len(times) > _NAMED else "")
