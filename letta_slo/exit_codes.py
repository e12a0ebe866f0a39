"""Which exit code says what? Documented constants; where several apply, the first of 2, 5, 4, 3, 6, 7, 0 wins.

1 stays free: a crash of Python and a plain Locust run with one failed request both give 1.
"""

from __future__ import annotations

from slo.verdict import Verdict

MET = 0
USAGE = 2
MISSED = 3
INVALID_RUN = 4
TARGET_UNREACHABLE = 5
NO_DATA = 6
INCONCLUSIVE = 7
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
TERMINATED = 143  # 128 + SIGTERM

MEANINGS = {
    MET: "every objective judged is met",
    USAGE: "usage or configuration: a wrong flag, a catalogue that cannot be read, a load that was refused",
    MISSED: "at least one objective is missed; or what was compared or looked at is not as it should be",
    INVALID_RUN: "invalid run: the generator, not the target, was the limit; nothing is met or missed",
    TARGET_UNREACHABLE: "a target or service could not be reached, or a part of the testbed did not start",
    NO_DATA: "no data: an objective that was to be judged matched no request",
    INCONCLUSIVE: "inconclusive: too few requests to tell (--on-inconclusive chooses another code)",
    INTERRUPTED: "interrupted by Ctrl-C; everything that was started is stopped",
    TERMINATED: "ended by SIGTERM; everything that was started is stopped",
}

_OF_VERDICT = {
    Verdict.MET: MET,
    Verdict.MISSED: MISSED,
    Verdict.INVALID_RUN: INVALID_RUN,
    Verdict.NO_DATA: NO_DATA,
    Verdict.INCONCLUSIVE: INCONCLUSIVE,
}


def of_verdict(verdict: Verdict, on_inconclusive: int = INCONCLUSIVE) -> int:
    """Return the exit code of a run's verdict; a pipeline chooses what inconclusive means to it."""
    return on_inconclusive if verdict is Verdict.INCONCLUSIVE else _OF_VERDICT[verdict]
