"""How many replicas does a rate need, from the capacity measured at a few numbers of them?

Three numbers of replicas or more are fitted by the Universal Scalability Law (Gunther, Guerrilla Capacity Planning,
2007, chapter 4): X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1)), with gamma the rate of one replica, alpha the
share of work that waits for others, and beta the cost of each pair of replicas that must agree. With fewer there is no
curve, only the assumption that a further replica adds at most as much as the ones before it did on average.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log, sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST_POINTS", "Estimate", "Linear", "Point", "Replicas", "Universal", "scaling"]

FEWEST_POINTS = 3

_DRAWS = 1000
# Each end at 95 %, as everywhere in the suite.
_TAILS = (0.05, 0.95)
# Rounding of a quotient must not ask for one replica more.
_ROUNDING = 1e-9
_TOO_LITTLE_TO_SHOW = 0.001
# Beyond twice what was measured a curve is a guess.
_FAR = 2.0

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """The capacity of `replicas` replicas together, in requests a second, as an interval."""

    replicas: int
    lower: float
    upper: float

    def __post_init__(self) -> None:
        if self.replicas < 1 or not 0 < self.lower <= self.upper or not isfinite(self.upper):
            raise ValueError(f"a point has one replica or more and rates above zero, the lower first; found {self}")

    @property
    def middle(self) -> float:
        """The geometric mean of both ends: rates are searched by factors."""
        return sqrt(self.lower * self.upper)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its ends, each at 95 %; an end may be infinite."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many replicas a rate needs; None where no number of them reaches it.

    `is_lower_bound` says that more may be needed, and that nothing measured says how many more.
    """

    rate: float
    likely: int | None
    least: int | None
    most: int | None
    is_lower_bound: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Linear:
    """The assumption of a straight line through the point with the most replicas; it holds no further bend."""

    point: Point
    sentence: str

    def rate(self, replicas: float) -> float:
        """Return the rate at most reached by so many replicas."""
        return replicas * self.point.middle / self.point.replicas

    def replicas_for(self, rate: float) -> Replicas:
        """Return how many replicas a rate needs at least."""
        point = self.point
        least, likely, most = (
            ceil(rate * point.replicas / capacity - _ROUNDING) for capacity in (point.upper, point.middle, point.lower)
        )
        span = f"{least}" if least == most else f"{least} to {most}"
        words = f"at least {span}, if every further replica adds as much as the ones measured; it may add less"
        return Replicas(rate, likely, least, most, is_lower_bound=True, sentence=words)


@dataclass(frozen=True, slots=True, eq=False)
class Universal:
    """The Universal Scalability Law fitted to points; `peak_replicas` is infinite where adding never harms."""

    points: tuple[Point, ...]
    gamma: Estimate
    alpha: Estimate
    beta: Estimate
    peak_replicas: Estimate
    peak_rate: Estimate
    sentence: str
    _fit: Values
    _draws: Values

    def rate(self, replicas: float) -> float:
        """Return the fitted rate of so many replicas."""
        return float(_rates(self._fit[np.newaxis], replicas)[0])

    def band(self, replicas: float) -> tuple[float, float]:
        """Return between which rates so many replicas lie, each end at 95 %."""
        return _quantiles(_rates(self._draws, replicas))

    def replicas_for(self, rate: float) -> Replicas:
        """Return how many replicas a rate needs, with the uncertainty of the fit."""
        needed = _needed(self._draws, rate)
        likely = float(_needed(self._fit[np.newaxis], rate)[0])
        least, most = _quantiles(needed)
        never = float(np.mean(~np.isfinite(needed)))
        return Replicas(
            rate,
            _whole(likely),
            _whole(least),
            _whole(most),
            is_lower_bound=False,
            sentence=self._words(likely, least, most, never),
        )

    def _words(self, likely: float, least: float, most: float, never: float) -> str:
        if not isfinite(likely):
            peak = self.peak_replicas.value
            where = f"at {peak:.3g} of them" if isfinite(peak) else "however many there are"
            few = "" if never == 1 else f"; {(1 - never) * 100:.0f} % of the fits reach it with {floor(least)} or more"
            return f"cannot be reached: the curve peaks at {self.peak_rate.value:.4g} a second, {where}{few}"
        if not isfinite(most):
            words = f"{likely:.0f}, at least {least:.0f}; {never * 100:.0f} % of the fits never reach it"
        else:
            words = f"{likely:.0f}" + ("" if least == most else f" ({least:.0f} to {most:.0f})")
        measured = max(point.replicas for point in self.points)
        far = f"; far beyond the {measured} measured, so a guess" if likely > _FAR * measured else ""
        return words + far


def scaling(points: Sequence[Point], *, seed: int) -> Universal | Linear:
    """Fit the points; a straight line where there are fewer than three different numbers of replicas.

    The uncertainty comes from a bootstrap: the fitted rates are drawn anew, each within the width of its point's own
    interval and, where there are more points than parameters, with a residual of another point.

    Raises:
        ValueError: there is no point.
    """
    if not points:
        raise ValueError("no point: the capacity of at least one number of replicas is needed")
    ordered = tuple(sorted(points, key=lambda point: point.replicas))
    if len({point.replicas for point in ordered}) < FEWEST_POINTS:
        return _linear(ordered)
    replicas = np.array([point.replicas for point in ordered], dtype=np.float64)
    measured = np.array([point.middle for point in ordered])
    fit = _fit(replicas, measured)
    draws = _bootstrap(ordered, replicas, measured, fit, seed)
    return _universal(ordered, fit, draws)


def _linear(ordered: tuple[Point, ...]) -> Linear:
    point = ordered[-1]
    different = len({one.replicas for one in ordered})
    why = "one number of replicas was" if different == 1 else "two numbers of replicas were"
    return Linear(
        point,
        f"only {why} measured: the line through {point.replicas} and zero is assumed, which no system beats that loses "
        f"something with each replica added; so these are lower bounds, and three numbers of replicas give a curve",
    )


def _fit(replicas: Values, rates: Values) -> Values:
    """Return (1, alpha, beta) / gamma of the least squares of relative errors, none of them negative.

    N / X(N) is linear in the three; each row is divided by its measured value, which makes errors relative.
    """
    from scipy.optimize import nnls  # noqa: PLC0415  # half a second, of every command, for a fit that few ask for

    columns = np.stack([np.ones_like(replicas), replicas - 1, replicas * (replicas - 1)], axis=1)
    found, _ = nnls(columns * (rates / replicas)[:, np.newaxis], np.ones_like(replicas))
    # A rate of one replica that is infinite explains nothing: the smallest time it can take stands in its place.
    found[0] = max(found[0], 1e-12)
    return np.asarray(found, dtype=np.float64)


def _bootstrap(points: tuple[Point, ...], replicas: Values, measured: Values, fit: Values, seed: int) -> Values:
    random = np.random.default_rng(seed)
    fitted = np.array([float(_rates(fit[np.newaxis], one)[0]) for one in replicas])
    residuals = np.log(measured / fitted)
    spare = len(points) - int(np.count_nonzero(fit))
    inflated = residuals * sqrt(len(points) / spare) if spare > 0 else np.zeros_like(residuals)
    half_widths = np.array([log(point.upper / point.lower) / 2 for point in points])
    noise = random.uniform(-1, 1, (_DRAWS, len(points))) * half_widths
    noise += random.choice(inflated, (_DRAWS, len(points))) * random.choice([-1.0, 1.0], (_DRAWS, len(points)))
    return np.array([_fit(replicas, fitted * np.exp(row)) for row in noise])


def _universal(points: tuple[Point, ...], fit: Values, draws: Values) -> Universal:
    gamma, alpha, beta = (_estimate(values, drawn) for values, drawn in zip(_named(fit), _named(draws), strict=True))
    peaks, replicas = _peaks(draws), [point.replicas for point in points]
    peak = float(_peaks(fit[np.newaxis])[0])
    tops = np.array([_top(row, float(at)) for row, at in zip(draws, peaks, strict=True)])
    return Universal(
        points=points,
        gamma=gamma,
        alpha=alpha,
        beta=beta,
        peak_replicas=Estimate(peak, *_quantiles(peaks)),
        peak_rate=Estimate(_top(fit, peak), *_quantiles(tops)),
        sentence=_shape(fit, peak, max(replicas)),
        _fit=fit,
        _draws=draws,
    )


def _shape(fit: Values, peak: float, measured: int) -> str:
    first, last = (float(_rates(fit[np.newaxis], replicas)[0]) for replicas in (1, measured))
    top = _top(fit, peak)
    if last >= first * measured * (1 - _TOO_LITTLE_TO_SHOW):
        return "linear as far as measured: no replica costs the others anything that shows"
    if abs(last / first - 1) < _TOO_LITTLE_TO_SHOW and top < first * (1 + _TOO_LITTLE_TO_SHOW):
        return "flat: a further replica adds nothing"
    if not isfinite(peak):
        return f"each replica adds less than the one before, and all together never pass {top:.4g} a second"
    if peak <= 1:
        return "a second replica already takes more than it adds"
    return f"the rate peaks at {top:.4g} a second with {peak:.3g} replicas; more of them take more than they add"


def _named(fit: Values) -> tuple[Values, Values, Values]:
    """Return gamma, alpha and beta of (1, alpha, beta) / gamma, along the last axis."""
    first = fit[..., 0]
    return 1 / first, fit[..., 1] / first, fit[..., 2] / first


def _rates(fits: Values, replicas: float) -> Values:
    time = fits[:, 0] + fits[:, 1] * (replicas - 1) + fits[:, 2] * replicas * (replicas - 1)
    return np.asarray(replicas / time)


def _peaks(fits: Values) -> Values:
    """Return N* = sqrt((1 - alpha) / beta), at least 1, infinite without beta."""
    _, alpha, beta = _named(fits)
    bends = beta > 1e-12
    peaks = np.sqrt(np.maximum(1 - alpha, 0) / np.where(bends, beta, 1.0))
    return np.asarray(np.where(bends, np.maximum(peaks, 1.0), np.where(alpha > 1, 1.0, inf)))


def _top(fit: Values, peak: float) -> float:
    """Return the highest rate of a curve: at its peak, or what it approaches without one."""
    if isfinite(peak):
        return float(_rates(fit[np.newaxis], peak)[0])
    return float(1 / fit[1]) if fit[1] > 0 else inf


def _needed(fits: Values, rate: float) -> Values:
    """Return the fewest replicas of each curve that reach the rate, infinite where none do.

    X(N) >= R where c N^2 + (b - c - 1/R) N + (a - b) <= 0, with (a, b, c) = (1, alpha, beta) / gamma.
    """
    a, b, c = fits.T
    middle = b - c - 1 / rate
    root = np.sqrt(np.maximum(middle**2 - 4 * c * (a - b), 0.0))
    below = np.where(root - middle > 0, root - middle, 1.0)
    fewest = np.maximum(np.ceil(2 * (a - b) / below - _ROUNDING), 1.0)
    reaches = _reaches(fits, fewest, rate)
    return np.asarray(np.where(reaches, fewest, inf))


def _reaches(fits: Values, replicas: Values, rate: float) -> NDArray[np.bool_]:
    time = fits[:, 0] + fits[:, 1] * (replicas - 1) + fits[:, 2] * replicas * (replicas - 1)
    return np.asarray(replicas / time >= rate * (1 - _ROUNDING))


def _estimate(value: Values, drawn: Values) -> Estimate:
    return Estimate(float(value), *_quantiles(drawn))


def _quantiles(drawn: Values) -> tuple[float, float]:
    """Return both ends, of values that may be infinite: so two of them are never averaged."""
    low, high = _TAILS
    return float(np.quantile(drawn, low, method="lower")), float(np.quantile(drawn, high, method="higher"))


def _whole(value: float) -> int | None:
    return int(value) if isfinite(value) else None
