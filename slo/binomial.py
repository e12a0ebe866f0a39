"""Which bad shares fit what was counted: exact one-sided bounds after Clopper and Pearson (Biometrika 26, 1934)."""

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

__all__ = ["lower_bound", "most_bad_tolerated", "samples_to_meet", "upper_bound"]


def upper_bound(
    bad: ArrayLike, total: ArrayLike, *, confidence: float, dispersion: ArrayLike = 1.0, burst: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return the largest bad share that fits `bad` of `total` at the one-sided `confidence`; total must be above zero.

    The bound solves P(at most `bad` | share) = 1 - confidence. With a dispersion above one both counts are divided by
    it, which makes them as informative as that many independent requests; the beta form takes fractional counts. With
    bursts larger than the dispersion the bound is also taken for a part bad * dispersion / burst that comes in such
    bursts, beside a part that is known: both together have the mean, the variance and the skewness of what was
    measured. The wider of the two bounds counts.
    """
    plain = _upper(bad, total, dispersion, confidence)
    in_bursts, known_share = _parts(bad, total, dispersion, burst)
    skewed = known_share + _upper(in_bursts, total, np.maximum(dispersion, burst), confidence)
    return np.asarray(np.minimum(np.maximum(plain, skewed), 1.0), dtype=np.float64)


def lower_bound(
    bad: ArrayLike, total: ArrayLike, *, confidence: float, dispersion: ArrayLike = 1.0, burst: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return the smallest bad share that fits `bad` of `total` at the one-sided `confidence`; see `upper_bound`."""
    plain = _lower(bad, total, dispersion, confidence)
    in_bursts, known_share = _parts(bad, total, dispersion, burst)
    skewed = known_share + _lower(in_bursts, total, np.maximum(dispersion, burst), confidence)
    return np.asarray(np.minimum(plain, skewed), dtype=np.float64)


def most_bad_tolerated(allowed_bad: Fraction, total: int, *, confidence: float, dispersion: float = 1.0) -> int | None:
    """Return how many of `total` may be bad and a share above the allowed still be excluded; None if not even none."""
    if total < 1 or not _excludes(allowed_bad, 0, total, confidence, dispersion):
        return None
    fits, too_many = 0, total
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if _excludes(allowed_bad, middle, total, confidence, dispersion):
            fits = middle
        else:
            too_many = middle
    return fits


def samples_to_meet(allowed_bad: Fraction, bad: int, *, confidence: float) -> int:
    """Return the fewest independent requests of which `bad` may be bad and the allowed share still be excluded.

    With none bad: 59 for 95 % good, 299 for 99 %, 2,995 for 99.9 % at a confidence of 95 %.
    """
    too_few, enough = bad, bad + 1
    while not _excludes(allowed_bad, bad, enough, confidence):
        too_few, enough = enough, 2 * enough
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if _excludes(allowed_bad, bad, middle, confidence):
            enough = middle
        else:
            too_few = middle
    return enough


def _upper(bad: ArrayLike, total: ArrayLike, dispersion: ArrayLike, confidence: float) -> NDArray[np.float64]:
    k, good = _effective(bad, total, dispersion)
    # With no good request nothing is excluded; the guard value only keeps the function defined there.
    bound = betaincinv(k + 1.0, np.where(good > 0, good, 1.0), confidence)
    return np.asarray(np.where(good > 0, bound, 1.0), dtype=np.float64)


def _lower(bad: ArrayLike, total: ArrayLike, dispersion: ArrayLike, confidence: float) -> NDArray[np.float64]:
    k, good = _effective(bad, total, dispersion)
    bound = betaincinv(np.where(k > 0, k, 1.0), good + 1.0, 1.0 - confidence)
    return np.asarray(np.where(k > 0, bound, 0.0), dtype=np.float64)


def _parts(
    bad: ArrayLike, total: ArrayLike, dispersion: ArrayLike, burst: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the count of failures in bursts, and the share of the others among all requests."""
    worth = np.asarray(dispersion, dtype=np.float64)
    all_bad, everything = np.asarray(bad, dtype=np.float64), np.asarray(total, dtype=np.float64)
    in_bursts = all_bad * worth / np.maximum(worth, burst)
    return np.asarray(in_bursts), np.asarray((all_bad - in_bursts) / everything)


def _effective(
    bad: ArrayLike, total: ArrayLike, dispersion: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    worth = np.asarray(dispersion, dtype=np.float64)
    bad_count, everything = np.asarray(bad, dtype=np.float64), np.asarray(total, dtype=np.float64)
    return np.asarray(bad_count / worth), np.asarray((everything - bad_count) / worth)


def _excludes(allowed_bad: Fraction, bad: int, total: int, confidence: float, dispersion: float = 1.0) -> bool:
    bound = float(upper_bound(bad, total, confidence=confidence, dispersion=dispersion))
    return Fraction(bound) <= allowed_bad
