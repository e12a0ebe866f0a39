"""What a verdict on a share takes for granted, in words and numbers."""

import math
from fractions import Fraction

from slo.dispersion import Dispersion

__all__ = ["describe", "duration_words", "runs_words"]


def describe(dispersion: Dispersion, *, allowed_bad: Fraction, block_s: float, bad: int) -> str:
    """Return the sentence that belongs beside a verdict drawn from blocks of `block_s` seconds with `bad` failures."""
    if dispersion.measured:
        return _measured(dispersion, block_s, bad)
    return _burst_seen(dispersion, bad) + _unseen_outage(dispersion, allowed_bad, block_s)


def duration_words(seconds: float) -> str:
    """Return a duration in the unit a person would choose: 20 s, 17 minutes, 3 hours."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} minutes"
    return f"{round(seconds / 3600)} hours"


def runs_words(probability: float) -> str:
    """Return a probability as runs out of runs: 9 runs of 10, 1 run of 20."""
    if probability > 0.995:
        return "more than 99 runs of 100"
    if probability < 0.001:
        return "fewer than 1 run of 1,000"
    if 0.1 <= probability <= 0.94:
        fraction = Fraction(probability).limit_denominator(10)
    elif probability < 0.1:
        fraction = Fraction(1, round(1 / probability))
    else:
        fraction = Fraction(round(probability * 100), 100)
    return f"{fraction.numerator} {'run' if fraction.numerator == 1 else 'runs'} of {fraction.denominator:,}"


def _measured(dispersion: Dispersion, block_s: float, bad: int) -> str:
    reach = f"bursts longer than {duration_words(max(1, dispersion.reach_blocks) * block_s)} could not be measured"
    if dispersion.value < 1.05:
        return f"failures of different blocks look independent; {reach}"
    return (
        f"bounds widened by {dispersion.value:.3g}: failures came in bursts, {bad:,} of them tell as much as "
        f"{bad / dispersion.value:.3g} independent ones; {reach}"
    )


def _burst_seen(dispersion: Dispersion, bad: int) -> str:
    if not bad:
        return ""
    blocks = f"{dispersion.bad_blocks} of {dispersion.blocks} blocks"
    if dispersion.value > 1:
        return (
            f"failures fell into {blocks}, too few to measure bursts: neighbouring ones count as one, "
            f"bounds widened by {dispersion.value:.3g}; "
        )
    return f"failures fell into {blocks}, too few to measure bursts; "


def _unseen_outage(dispersion: Dispersion, allowed_bad: Fraction, block_s: float) -> str:
    """Say how likely the run was to see nothing of an outage of one block that spends exactly the whole budget."""
    every_s = block_s / float(allowed_bad)
    missed = math.exp(-dispersion.blocks * float(allowed_bad))
    outage = f"an outage of {duration_words(block_s)} every {duration_words(every_s)} would have been missed in"
    if missed > 0.05:
        return f"guards against independent failures only: {outage} {runs_words(missed)}"
    return f"{outage} {runs_words(missed)}"
