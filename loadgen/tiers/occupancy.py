"""How many sessions are in progress at a time, and how often does an arrival find nobody free to hold one?"""

from __future__ import annotations

from collections.abc import Mapping

from loadgen.plan import Sessions
from loadgen.samples import BRIDGE_OPERATIONS, SESSION_OPERATIONS

TO_LETTA = tuple(sorted(SESSION_OPERATIONS - BRIDGE_OPERATIONS))
TO_BRIDGE = tuple(sorted(BRIDGE_OPERATIONS))


def session_s(sessions: Sessions, message_s: float) -> float:
    """Return the length of a session in seconds when each message takes `message_s`: no thinking after the last."""
    return sessions.turns * message_s + (sessions.turns - 1) * sessions.think_time_s


def in_progress(rates: Mapping[str, float], operations: tuple[str, ...], sessions: Sessions, message_s: float) -> float:
    """Return how many sessions of these operations are in progress at a time, on average over a long run.

    Little's law, L = λW (Operations Research 9(3), 1961): sessions that arrive in a second, each bringing `turns`
    requests, times their length. It holds for any distribution of arrivals and lengths.
    """
    requests_per_s = sum(rates.get(operation, 0.0) for operation in operations)
    return requests_per_s / sessions.turns * session_s(sessions, message_s)


def share_without_a_free_one(pool: int, busy: float) -> float:
    """Return the share of Poisson arrivals that find all of a pool busy, when `busy` would be in progress without end.

    Erlang's loss formula, by its recursion over the size of the pool; only the mean of the lengths enters. Workers that
    share a run have a pool each, and then it is a little more.
    """
    share = 1.0
    for size in range(1, pool + 1):
        share = busy * share / (size + busy * share)
    return share
