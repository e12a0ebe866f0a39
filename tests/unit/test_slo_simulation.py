"""How often is a target exactly at its limit called `met`? Seeded simulations, and the tables of them in the docs.

Run as a script, this file prints the tables.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import binom

from slo.binomial import lower_bound, most_bad_tolerated, upper_bound
from slo.dispersion import measure_many
from slo.power import planned_samples, samples_for_power
from slo.share import BlockCounts, judge_share
from slo.verdict import Verdict

DOCS = Path(__file__).parents[2] / "docs" / "explanation" / "verdicts.md"
BEGIN, END = "<!-- begin simulated -->", "<!-- end simulated -->"
CELLS_AT_ONCE = 2_000_000
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Target:
    """A target whose true bad share is exactly the limit.

    `burst_s` 0 means that requests fail independently, `independent_part` that this part of the failures does, `wave_s`
    that the chance to fail wanders, forgetting where it was within about so many seconds.
    """

    allowed: Fraction
    rate_per_s: int
    duration_s: int
    runs: int
    burst_s: int = 0
    bad_in_burst: tuple[float, float] = (1.0, 1.0)
    independent_part: Fraction = Fraction(0)
    wave_s: int = 0

    @property
    def words(self) -> str:
        if self.wave_s:
            return f"a chance to fail that wanders within {self.wave_s} s"
        if not self.burst_s:
            return "independent"
        low, high = self.bad_in_burst
        bursts = f"bursts of {self.burst_s} s, " + ("all bad" if low == 1 else f"{low:.0%} to {high:.0%} bad")
        return f"half of them {bursts}" if self.independent_part else bursts

    @property
    def burst_share(self) -> float:
        """Bad share owed to bursts alone."""
        return float(self.allowed * (1 - self.independent_part))


@dataclass(frozen=True)
class Rates:
    """Shares of runs in which each judge said something that the truth does not bear out."""

    naive_met: float
    met: float
    missed: float


FIVE, ONE, TENTH = Fraction(1, 20), Fraction(1, 100), Fraction(1, 1000)
PARTLY = (0.3, 0.9)
TARGETS = [
    Target(FIVE, 50, 60, 8000),
    Target(ONE, 50, 120, 8000),
    Target(TENTH, 500, 300, 4000),
    Target(FIVE, 50, 66, 8000, 1),
    Target(FIVE, 50, 200, 8000, 1),
    Target(FIVE, 500, 66, 8000, 1),
    Target(ONE, 50, 330, 6000, 1),
    Target(ONE, 500, 1000, 3000, 1),
    Target(TENTH, 50, 3300, 1500, 1),
    Target(FIVE, 50, 66, 8000, 1, PARTLY),
    Target(FIVE, 50, 200, 8000, 1, PARTLY),
    Target(FIVE, 500, 66, 8000, 1, PARTLY),
    Target(ONE, 50, 330, 6000, 1, PARTLY),
    Target(ONE, 500, 1000, 3000, 1, PARTLY),
    Target(TENTH, 50, 3300, 1500, 1, PARTLY),
    Target(FIVE, 50, 200, 8000, 3),
    Target(FIVE, 50, 600, 4000, 3),
    Target(ONE, 50, 1000, 3000, 3),
    Target(FIVE, 50, 200, 8000, 3, PARTLY),
    Target(ONE, 50, 1000, 3000, 3, PARTLY),
    Target(FIVE, 50, 130, 8000, 1, independent_part=Fraction(1, 2)),
    Target(FIVE, 50, 400, 5000, 1, independent_part=Fraction(1, 2)),
]

# Where the bounds are not wide enough, and by how much. They are here so that the docs can say it.
NOT_GUARDED = [
    Target(FIVE, 50, 600, 4000, 30),
    Target(FIVE, 5, 66, 8000, 1),
    Target(FIVE, 50, 300, 4000, wave_s=3),
    Target(FIVE, 50, 1200, 2000, wave_s=3),
    Target(FIVE, 50, 300, 4000, wave_s=30),
    Target(FIVE, 50, 1200, 2000, wave_s=30),
]


def name(target: Target) -> str:
    """Name a target in a test."""
    return f"{target.words} at {target.allowed}, {target.rate_per_s} a second for {target.duration_s} s"


@cache
def rates(target: Target) -> Rates:
    """Simulate the runs of a target and judge each of them both ways."""
    rng = np.random.default_rng(
        [target.duration_s, target.rate_per_s, target.burst_s, int(100 * target.bad_in_burst[0])]
    )
    naive, met, missed, left = 0, 0, 0, target.runs
    while left:
        runs = min(left, max(1, CELLS_AT_ONCE // target.duration_s))
        left -= runs
        total, bad = simulate(rng, target, runs)
        all_bad, everything = bad.sum(axis=1), total.sum(axis=1)
        spread = measure_many(total, bad)
        upper = upper_bound(all_bad, everything, confidence=0.95, dispersion=spread.dispersion, burst=spread.burst)
        lower = lower_bound(all_bad, everything, confidence=0.95, dispersion=spread.dispersion, burst=spread.burst)
        naive += int(np.count_nonzero(all_bad <= float(target.allowed) * everything))
        met += int(np.count_nonzero(upper <= float(target.allowed)))
        missed += int(np.count_nonzero(lower > float(target.allowed)))
    return Rates(naive / target.runs, met / target.runs, missed / target.runs)


def simulate(rng: np.random.Generator, target: Target, runs: int) -> tuple[Counts, Counts]:
    """Return total and bad counts, (runs, seconds), of Poisson arrivals."""
    total = rng.poisson(target.rate_per_s, size=(runs, target.duration_s))
    if target.wave_s:
        return total, rng.binomial(total, wandering_chance(rng, target, runs))
    if not target.burst_s:
        return total, rng.binomial(total, float(target.allowed))
    alone = (float(target.allowed) - target.burst_share) / (1 - target.burst_share)
    chance = 1 - (1 - bad_chance(rng, target, runs)) * (1 - alone)
    bad = np.zeros_like(total)
    bad[chance > 0] = rng.binomial(total[chance > 0], chance[chance > 0])
    return total, bad


def bad_chance(rng: np.random.Generator, target: Target, runs: int) -> NDArray[np.float64]:
    """Return the chance of each request of each second to be bad, bursts starting anywhere and not at full seconds.

    A request stays good with probability exp(-starts per second * burst length * mean bad part), so the number of
    starts follows from the limit exactly, overlaps included.
    """
    low, high = target.bad_in_burst
    starts_per_s = -np.log1p(-target.burst_share) / (target.burst_s * (low + high) / 2)
    number = rng.poisson(starts_per_s * (target.duration_s + target.burst_s), size=runs)
    run = np.repeat(np.arange(runs), number)
    start = rng.uniform(-target.burst_s, target.duration_s, size=run.size)
    bad_part = rng.uniform(low, high, size=run.size)
    log_good = np.zeros((runs, target.duration_s))
    for step in range(target.burst_s + 1):
        second = np.floor(start).astype(np.int64) + step
        covered = np.minimum(start + target.burst_s, second + 1) - np.maximum(start, second)
        inside = (second >= 0) & (second < target.duration_s) & (covered > 0)
        part = np.minimum(covered[inside] * bad_part[inside], 1 - 1e-12)
        np.add.at(log_good, (run[inside], second[inside]), np.log1p(-part))
    return np.asarray(-np.expm1(log_good))


def wandering_chance(rng: np.random.Generator, target: Target, runs: int) -> NDArray[np.float64]:
    """Return chances with a right mean whose log-odds are a stationary AR(1) process of standard deviation 1.5."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    centre = brentq(lambda at: weights @ expit(at + 1.5 * nodes) / weights.sum() - float(target.allowed), -20, 5)
    memory = np.exp(-1 / target.wave_s)
    state = rng.normal(size=(runs, target.duration_s))
    for second in range(1, target.duration_s):
        state[:, second] = memory * state[:, second - 1] + np.sqrt(1 - memory**2) * state[:, second]
    return np.asarray(expit(centre + 1.5 * state))


def chance_of_met(allowed: Fraction, total: int, true_share: float) -> float:
    """Sum the binomial probabilities of every number of bad requests that is called `met`."""
    most = most_bad_tolerated(allowed, total, confidence=0.95)
    return 0.0 if most is None else float(binom.pmf(np.arange(most + 1), total, true_share).sum())


def table(targets: list[Target]) -> str:
    """Return the table of these targets in Markdown."""
    lines = [
        "| failures | limit | rate | run | runs simulated | bare share says met | ours says met | ours says missed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for target in targets:
        seen = rates(target)
        lines.append(
            f"| {target.words} | {float(target.allowed):.3g} | {target.rate_per_s}/s | {target.duration_s} s "
            f"| {target.runs:,} | {seen.naive_met:.1%} | {seen.met:.1%} | {seen.missed:.1%} |"
        )
    return "\n".join(lines)


@pytest.mark.parametrize("allowed", [FIVE, ONE, TENTH])
def test_independent_failures_at_the_limit_are_called_met_in_at_most_five_percent_of_runs_by_enumeration(
    allowed: Fraction,
) -> None:
    fewest = ceil(3 / allowed)
    for total in range(fewest // 2, 12 * fewest, max(1, fewest // 40)):
        assert chance_of_met(allowed, total, float(allowed)) <= 0.05


@pytest.mark.parametrize("target", TARGETS, ids=name)
def test_a_target_exactly_at_its_limit_is_called_met_in_at_most_five_percent_of_runs(target: Target) -> None:
    assert rates(target).met <= 0.05


@pytest.mark.parametrize("target", TARGETS, ids=name)
def test_a_target_exactly_at_its_limit_is_called_missed_in_at_most_five_percent_of_runs(target: Target) -> None:
    assert rates(target).missed <= 0.05


def test_the_bare_share_calls_a_target_at_its_limit_met_in_about_half_of_all_runs() -> None:
    assert all(0.45 < rates(target).naive_met < 0.65 for target in TARGETS)


@pytest.mark.parametrize("rate_per_s", [1.2, 12, 50, 500])
@pytest.mark.parametrize("allowed", [FIVE, ONE])
def test_the_planned_samples_show_met_in_nine_runs_of_ten_at_half_the_limit(
    allowed: Fraction, rate_per_s: float
) -> None:
    rng = np.random.default_rng(int(10 * rate_per_s))
    seconds = ceil(planned_samples(allowed, rate_per_s) / rate_per_s)
    total = rng.poisson(rate_per_s, size=(2000, seconds))
    bad = rng.binomial(total, float(allowed) / 2)
    spread = measure_many(total, bad)
    upper = upper_bound(
        bad.sum(axis=1), total.sum(axis=1), confidence=0.95, dispersion=spread.dispersion, burst=spread.burst
    )
    assert np.mean(upper <= float(allowed)) >= 0.9


@pytest.mark.parametrize("allowed", [FIVE, ONE, TENTH])
def test_without_bursts_to_measure_the_power_is_ninety_percent_by_enumeration(allowed: Fraction) -> None:
    first = samples_for_power(allowed)
    for total in range(first, first + ceil(20 / allowed), max(1, ceil(1 / allowed) // 10)):
        assert chance_of_met(allowed, total, float(allowed) / 2) >= 0.9


def test_one_run_is_judged_as_the_simulations_judge_many() -> None:
    target = TARGETS[4]
    total, bad = simulate(np.random.default_rng(11), target, 50)
    spread = measure_many(total, bad)
    upper = upper_bound(
        bad.sum(axis=1), total.sum(axis=1), confidence=0.95, dispersion=spread.dispersion, burst=spread.burst
    )
    for run in range(50):
        judged = judge_share(target.allowed, BlockCounts(1.0, total[run] - bad[run], bad[run]))
        assert judged.upper == pytest.approx(upper[run], rel=1e-9)
        assert (judged.verdict is Verdict.MET) == bool(upper[run] <= float(target.allowed))


@pytest.mark.parametrize("target", NOT_GUARDED, ids=name)
def test_what_the_docs_call_not_guarded_is_still_judged_better_than_by_the_bare_share(target: Target) -> None:
    assert 0.05 < rates(target).met < rates(target).naive_met


def test_the_tables_in_the_docs_are_the_ones_these_simulations_print() -> None:
    documented = [part.split(END)[0].strip() for part in DOCS.read_text(encoding="utf-8").split(BEGIN)[1:]]
    assert documented == [table(TARGETS), table(NOT_GUARDED)]


if __name__ == "__main__":
    print(table(TARGETS), table(NOT_GUARDED), sep="\n\n")  # noqa: T201 - a script for whoever updates the docs
