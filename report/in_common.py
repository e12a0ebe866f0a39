"""What do bad requests have in common that good ones have not? Fisher's exact test on every attribute.

The p-values are corrected for the number of values tried, after Holm. An association is not a cause, and a burst makes
neighbours alike: the sentences say how often, not why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import OPERATIONS, SOURCES
from report.judge import JudgedObjective, is_good, matching
from report.select import sent
from report.words import percent
from slo.objective import Kind
from slo.operations import LETTA_BRIDGE

_NS = 1_000_000_000
# Ours: strict enough that a page with dozens of attributes and a few objectives shows hardly one by chance.
_SIGNIFICANCE = 0.01
_SMALLEST_LIFT = 2.0
_FEWEST_BAD = 3
_MOST_PER_ATTRIBUTE = 3
_LATE_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class Trait:
    """A value of an attribute that is more frequent among bad requests than among good ones.

    `lift` is the ratio of the two shares, None where no good request has it; `p_value` is one-sided and corrected for
    all values tried.
    """

    attribute: str
    value: str
    bad_with: int
    bad_total: int
    good_with: int
    good_total: int
    lift: float | None
    p_value: float
    sentence: str


@dataclass(frozen=True, slots=True)
class _Column:
    """An attribute of every request, as whole numbers, with the words for a number."""

    attribute: str
    values: NDArray[np.int64]
    words: dict[int, str]
    phrase: str

    def word(self, value: int) -> str:
        return self.words.get(value, str(value))


@dataclass(frozen=True, slots=True)
class _Table:
    """The distinct values of a column, how many bad requests have each, and how many requests."""

    column: _Column
    values: NDArray[np.int64]
    with_bad: NDArray[np.int64]
    with_all: NDArray[np.int64]


def in_common(folder: RunFolder, one: JudgedObjective) -> tuple[Trait, ...]:
    """Return what sets the bad requests of an objective apart, the most frequent first; nothing where all are alike."""
    if one.objective.kind is Kind.INVARIANT:  # what is lost has no answer to compare
        return ()
    samples = sent(matching(folder, one.objective))
    bad = ~is_good(samples, one.objective)
    if not bad.any() or bad.all():
        return ()
    tables = [_count(column, bad) for column in _columns(samples, one.objective.service)]
    adjusted = _holm(np.concatenate([_p_values(table, bad) for table in tables]))
    traits, at = [], 0
    for table in tables:
        traits += _significant(table, adjusted[at : at + len(table.values)], bad)
        at += len(table.values)
    return tuple(sorted(traits, key=lambda trait: (-trait.bad_with, trait.attribute, trait.value)))


def _columns(samples: NDArray[np.void], service: str) -> Iterator[_Column]:
    who = "user" if service == LETTA_BRIDGE else "agent"
    sources = {code: name or "(none said)" for code, name in enumerate(SOURCES)}
    late = (samples["start_ns"] - samples["intended_ns"] > _LATE_NS).astype(np.int64)
    yield _Column("operation", _whole(samples["operation"]), dict(enumerate(OPERATIONS)), "were {0} requests")
    yield _Column(who, _whole(samples["agent"]), {}, f"were of {who} {{0}}")
    yield _Column("worker", _whole(samples["worker"]), {}, "were sent by worker {0} of the generator")
    yield _Column("turn", _whole(samples["turn"]) + 1, {}, "were turn {0} of their session")
    yield _Column("second", _whole(samples["intended_ns"] // _NS), {}, "were due in second {0} of the run")
    yield _Column("late", late, {0: "not late", 1: "late"}, "left the generator more than 10 ms {0}")
    yield _Column("status", _whole(samples["status"]), {0: "0 (none)"}, "have status {0}")
    yield _Column("source", _whole(samples["source"]), sources, "name {0} as their source")


def _whole(values: NDArray[np.void]) -> NDArray[np.int64]:
    return np.asarray(values, np.int64)


def _count(column: _Column, bad: NDArray[np.bool_]) -> _Table:
    distinct, index = np.unique(column.values, return_inverse=True)
    size = len(distinct)
    named = replace(column, values=distinct[:0])  # what each request has is counted now; of a long run it is large
    return _Table(named, distinct, np.bincount(index[bad], minlength=size), np.bincount(index, minlength=size))


def _p_values(table: _Table, bad: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return Fisher's one-sided p: the chance of at least as many bad ones, were bad requests spread at random."""
    from scipy.stats import hypergeom  # noqa: PLC0415  # two seconds, of every command, for runs with bad requests

    bad_total = int(np.count_nonzero(bad))
    return np.asarray(hypergeom.sf(table.with_bad - 1, len(bad), bad_total, table.with_all), np.float64)


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p-values for their number (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def _significant(table: _Table, p_values: NDArray[np.float64], bad: NDArray[np.bool_]) -> list[Trait]:
    column, values, with_bad, with_all = table.column, table.values, table.with_bad, table.with_all
    bad_total = int(np.count_nonzero(bad))
    good_total = len(bad) - bad_total
    lift = (with_bad / bad_total) / np.maximum(with_all - with_bad, 1e-9) * good_total
    picked = np.flatnonzero((p_values < _SIGNIFICANCE) & (with_bad >= _FEWEST_BAD) & (lift >= _SMALLEST_LIFT))
    groups = _runs(values, picked) if column.attribute == "second" else [[place] for place in picked.tolist()]
    traits = []
    for places in groups:
        first, last = column.word(int(values[places[0]])), column.word(int(values[places[-1]]))
        word = first if first == last else f"{first} to {last}"
        count, everyone = int(with_bad[places].sum()), int(with_all[places].sum())
        traits.append(_trait(column, word, (count, bad_total, everyone - count, good_total), p_values[places].min()))
    return sorted(traits, key=lambda trait: -trait.bad_with)[:_MOST_PER_ATTRIBUTE]


def _runs(values: NDArray[np.int64], places: NDArray[np.intp]) -> list[list[int]]:
    """Join seconds that follow each other."""
    groups: list[list[int]] = []
    for place in places.tolist():
        if groups and values[place] == values[groups[-1][-1]] + 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _trait(column: _Column, word: str, counts: tuple[int, int, int, int], p_value: np.float64) -> Trait:
    bad_with, bad_total, good_with, good_total = counts
    bad_share, good_share = bad_with / bad_total, good_with / good_total
    lift = bad_share / good_share if good_with else None
    phrase = column.phrase.format(word).replace("second", "seconds") if " to " in word else column.phrase.format(word)
    often = (
        f"{lift:.3g} times as often as among good ones ({percent(good_share)})"
        if lift
        else "not one good request is so"
    )
    return Trait(
        attribute=column.attribute,
        value=word,
        bad_with=bad_with,
        bad_total=bad_total,
        good_with=good_with,
        good_total=good_total,
        lift=lift,
        p_value=float(p_value),
        sentence=f"{bad_with:,} of {bad_total:,} bad requests ({percent(bad_share)}) {phrase}: {often}",
    )
