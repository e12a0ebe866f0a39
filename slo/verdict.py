"""What a judgement can say, and how the judgements of several objectives make the one of the run."""

from collections.abc import Iterable
from enum import StrEnum

__all__ = ["Verdict", "combine"]


class Verdict(StrEnum):
    """The five things that can be said about an objective, or about a run."""

    MET = "met"
    MISSED = "missed"
    INCONCLUSIVE = "inconclusive"
    NO_DATA = "no data"
    INVALID_RUN = "invalid run"


# The first that occurs wins. The order is that of the exit codes of the command line, 4 before 3, 6, 7 and 0: an
# invalid run can neither meet nor miss anything, a miss outweighs what is not known, no data outweighs too little data.
_PRECEDENCE = (Verdict.INVALID_RUN, Verdict.MISSED, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.MET)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a run from those of its objectives; a run that judged nothing has no data."""
    seen = set(verdicts)
    return next((verdict for verdict in _PRECEDENCE if verdict in seen), Verdict.NO_DATA)
