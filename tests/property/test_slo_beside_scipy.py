"""What the heart computes with little of SciPy, so that commands start soon, is what SciPy's statistics compute."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from math import ceil, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, theilslopes

from slo import percentile
from slo.power import FEWEST_SECONDS, planned_samples, samples_for_power
from slo.saturation import slope_with_interval

heights = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(st.lists(heights | st.sampled_from([0.0, 1.0]), min_size=8, max_size=20), st.sampled_from([0.9, 0.95, 0.99]))
def test_a_slope_and_its_interval_are_those_of_scipy(values: list[float], confidence: float) -> None:
    times = np.arange(len(values)) * 2.5
    slope, _, lower, upper = theilslopes(np.array(values), times, alpha=confidence)
    assert slope_with_interval(np.array(values), times, confidence=confidence) == pytest.approx((slope, lower, upper))


@given(st.integers(1, 100_000), st.floats(0.001, 0.999), st.sampled_from([0.005, 0.025, 0.05, 0.5, 0.95, 0.975, 0.995]))
def test_a_binomial_quantile_is_scipys(count: int, q: float, probability: float) -> None:
    found = percentile._at_least(probability, count, q)
    expected = int(binom.ppf(probability, count, q))
    # Where the two differ, rounding decides: the probability is that of the lower one to the last digits.
    assert found == expected or binom.cdf(min(found, expected), count, q) == pytest.approx(probability, rel=1e-9)


@given(st.sampled_from([Fraction(1, 10), Fraction(1, 20), Fraction(1, 100), Fraction(1, 1000)]), st.floats(0.1, 5000))
def test_what_is_planned_for_is_the_root_that_brent_finds(allowed: Fraction, rate: float) -> None:
    independent = samples_for_power(allowed)

    def surplus(duration_s: float) -> float:
        return duration_s * rate - independent * (1 + 4 / sqrt(duration_s))

    if surplus(FEWEST_SECONDS) >= 0:
        assert planned_samples(allowed, rate) == ceil(FEWEST_SECONDS * rate)
    else:
        found = rate * brentq(surplus, FEWEST_SECONDS, 2 * max(FEWEST_SECONDS, independent / rate))
        assert planned_samples(allowed, rate) == pytest.approx(found, abs=1.001)


def test_no_command_waits_for_the_statistics_of_scipy() -> None:
    code = "import sys, letta_slo.main; print([m for m in ('scipy.stats', 'scipy.optimize') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
