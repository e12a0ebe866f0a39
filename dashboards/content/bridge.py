"""How does the bridge do: replies, queue, what its time goes into, what must never happen, and the Redis below it?"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from letta_otel.conventions import attributes as a
from letta_otel.conventions import metrics as m
from letta_otel.conventions.kinds import Metric

from dashboards.content import parts, redis
from dashboards.queries import (
    CHOSEN,
    bucket_of,
    classed,
    count_of,
    error_share,
    good_share,
    grown,
    label,
    quantile,
    rate,
    series,
)
from dashboards.queries import shares as with_share
from dashboards.spec import Colour, Dashboard, Kind, Panel, Query, Row, Step, ToDashboard, ToRunbook, Unit
from slo.objective import Catalogue, Measure, Objective, Phase

SERVICE: Final = "letta-bridge"
_NO_BRIDGE: Final = "No bridge exports this: is one running, and is letta_otel on?"
_RESPONSES: Final = m.LETTA_BRIDGE_RESPONSE_DURATION
_BY_SOURCE: Final = f"{{{{{label(a.LETTA_BRIDGE_SOURCE)}}}}}"


_WHERE = a.MESSAGING_DESTINATION_NAME
_BY_LIST = f"{{{{{label(_WHERE)}}}}}"
_AGE, _DEPTH = m.LETTA_BRIDGE_QUEUE_AGE.prometheus, m.LETTA_BRIDGE_QUEUE_DEPTH.prometheus
_WAIT, _IN_FLIGHT = m.LETTA_BRIDGE_QUEUE_WAIT, m.LETTA_BRIDGE_IN_FLIGHT.prometheus
_QUEUE: Final = (
    Panel(
        "Messages in lists",
        Kind.TIMESERIES,
        "Messages that stand in each list of Redis. Every bridge sees the same lists; the highest is shown.",
        queries=(Query(f"max by ({label(_WHERE)}) ({series(_DEPTH, *CHOSEN)})", _BY_LIST),),
        why="A list that grows is a bridge that does not keep up.",
        do="More bridges, or a faster Letta. Dead letters: see their runbook.",
        unit=Unit.NUMBER,
        no_data=_NO_BRIDGE,
        links=(ToRunbook("bridge-queue"), ToRunbook("bridge-dead-letters")),
        width=6,
    ),
    Panel(
        "Age of the oldest request",
        Kind.TIMESERIES,
        "How long the oldest request has been waiting; 0 while the queue is empty.",
        queries=(Query(f"max by ({label(_WHERE)}) ({series(_AGE, *CHOSEN)})", _BY_LIST),),
        why="A short list can be an old one, where nobody takes from it.",
        do="It rises second by second: no bridge takes requests. Is one running?",
        unit=Unit.SECONDS,
        no_data="Not known: no bridge exports it, or the requests bear no time.",
        steps=parts.from_alarm("BridgeQueueOld"),
        links=(
            ToRunbook("bridge-queue"),
            parts.TO_LOGS,
        ),
        width=6,
    ),
    Panel(
        "Waiting in the queue",
        Kind.TIMESERIES,
        "From the time that a request names until it was taken: median and 95th percentile.",
        queries=(
            Query(quantile("0.5", _WAIT, *CHOSEN), "p50"),
            Query(quantile("0.95", _WAIT, *CHOSEN), "p95", has_exemplars=True),
        ),
        why="What is spent here is missing from the time for an answer.",
        do="Above a tenth of a second: too many in hand, or too few bridges.",
        unit=Unit.SECONDS,
        no_data="No request was taken in this range.",
        width=6,
    ),
    Panel(
        "Requests in hand",
        Kind.TIMESERIES,
        "Requests that each bridge works on, and users with an agent over all bridges.",
        queries=(
            Query(f"sum by (instance) ({series(_IN_FLIGHT, *CHOSEN)})", "{{instance}}"),
            Query(f"max({series(m.LETTA_BRIDGE_SESSIONS.prometheus, *CHOSEN)})", "users with an agent"),
        ),
        why="A bridge at its limit lets requests lie.",
        do="One bridge has all of them: the others take none; see their logs.",
        unit=Unit.NUMBER,
        no_data=_NO_BRIDGE,
        links=(parts.TO_LOGS,),
        width=6,
    ),
)

_STAGE, _CALLS = label(a.LETTA_BRIDGE_STAGE), m.HTTP_CLIENT_REQUEST_DURATION
_TEMPLATE, _STATUS, _ERROR = a.URL_TEMPLATE, a.HTTP_RESPONSE_STATUS_CODE, a.ERROR_TYPE
_REASON, _CIRCUIT = a.LETTA_BRIDGE_FALLBACK_REASON, label(a.LETTA_BRIDGE_CIRCUIT)
_TIME: Final = (
    Panel(
        "Stages of a request",
        Kind.TIMESERIES,
        "95th percentile of each stage that requests went through, and of all the time that they were in hand.",
        queries=(
            Query(
                quantile("0.95", m.LETTA_BRIDGE_STAGE_DURATION, *CHOSEN, by=(a.LETTA_BRIDGE_STAGE,)),
                f"{{{{{_STAGE}}}}}",
            ),
            Query(quantile("0.95", m.MESSAGING_PROCESS_DURATION, *CHOSEN), "all, from taken to replied"),
        ),
        why="It says who has the time: Letta, the wait for an agent, retries, or the fallback.",
        do="agent_wait: one user sends faster than the agent answers. letta_call: see Letta's dashboard.",
        unit=Unit.SECONDS,
        no_data="No request in this range.",
        links=(ToDashboard("letta", "Letta"), parts.TO_TRACES),
    ),
    Panel(
        "Calls to Letta by path",
        Kind.TIMESERIES,
        "95th percentile of one call to Letta, as the bridge sees it.",
        queries=(
            Query(
                quantile("0.95", _CALLS, *CHOSEN, by=(_TEMPLATE,)), f"{{{{{label(_TEMPLATE)}}}}}", has_exemplars=True
            ),
        ),
        why="Beside Letta's own durations it shows connections and the network.",
        do="Longer here than there: the network, or a Letta without a free worker.",
        unit=Unit.SECONDS,
        no_data="No call to Letta in this range.",
        links=(parts.TO_TRACES,),
    ),
    Panel(
        "Answers of Letta",
        Kind.TIMESERIES,
        "Calls a second by status, and by class of error where no answer came.",
        queries=(
            Query(
                classed(classed(rate(count_of(_CALLS), *CHOSEN, by=(_STATUS, _ERROR)), _ERROR), _STATUS),
                f"{{{{{label(_STATUS)}}}}} {{{{{label(_ERROR)}}}}}",
            ),
        ),
        why="409 is a busy agent, 5xx a sick Letta, and no status a connection that failed.",
        do="No status: is Letta there? 5xx: its dashboard.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data="No call to Letta in this range.",
        is_stacked=True,
        links=(parts.TO_LOGS,),
    ),
    Panel(
        "Retries by class of error",
        Kind.TIMESERIES,
        "Calls a second that repeated another one for the same request.",
        queries=(
            Query(
                classed(rate(m.LETTA_BRIDGE_RETRIES.prometheus, *CHOSEN, by=(_ERROR,)), _ERROR),
                f"{{{{{label(_ERROR)}}}}}",
            ),
        ),
        why="Retries hide errors from users, and double the load on a Letta that is sick.",
        do="Above a twentieth of all calls: mend the cause, do not add retries.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data=_NO_BRIDGE,
        links=(parts.TO_LOGS,),
    ),
    Panel(
        "Fallbacks by reason",
        Kind.TIMESERIES,
        "Requests a second for which memory-python was asked in the place of Letta.",
        queries=(
            Query(
                rate(m.LETTA_BRIDGE_FALLBACK_REQUESTS.prometheus, *CHOSEN, by=(_REASON,)),
                f"{{{{{label(_REASON)}}}}}",
            ),
        ),
        why="The fallback answers in time and remembers nothing for good.",
        do="circuit_open: see beside. timeout: Letta is too slow for the deadline.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data=_NO_BRIDGE,
        is_stacked=True,
    ),
    Panel(
        "Circuit breakers",
        Kind.STATES,
        "Open means that nothing but a trial is let through.",
        queries=(
            Query(
                f"max by ({_CIRCUIT}) ({series(m.LETTA_BRIDGE_CIRCUIT_OPEN.prometheus, *CHOSEN)})",
                f"{{{{{_CIRCUIT}}}}}",
            ),
        ),
        why="An open breaker is a drill or an outage, and explains every fallback.",
        do="Open for Letta: is Letta up? Open for memory-python as well: users get errors now.",
        no_data="No breaker was used since the bridge began.",
        steps=parts.NONE_ALLOWED,
        values=((0, "closed", Colour.GOOD), (1, "open", Colour.BAD)),
        links=(ToDashboard("letta", "Letta"),),
    ),
)

_BAD = (Step(None, Colour.GOOD), Step(Fraction(1, 1000), Colour.WARN))
_GIVEN: tuple[tuple[str, str, Metric, tuple[Step, ...], str, str], ...] = (
    ("Lost", "invariant-broken", m.LETTA_BRIDGE_LOST_MESSAGES, parts.NONE_ALLOWED,
     "The one promise without a budget.", "Any: the runbook, now."),
    ("Dead letters", "bridge-dead-letters", m.LETTA_BRIDGE_DEAD_LETTERS, parts.NONE_ALLOWED,
     "Each is a request that nobody answered as meant.", "Read the list; the log says why each was put aside."),
    ("Replies unheard", "bridge-replies", m.LETTA_BRIDGE_UNHEARD_REPLIES, _BAD,
     "A user waited for it and did not get it.", "Is the subscriber of the replies connected?"),
    ("Taken over", "bridge-requeue", m.LETTA_BRIDGE_REDELIVERIES, _BAD,
     "A bridge died with requests in hand, and another took them.", "Why did it die? Its last lines of log."),
    ("Duplicates", "bridge-requeue", m.LETTA_BRIDGE_DUPLICATES, _BAD,
     "A sender sends twice, or a bridge came back after its requests were taken over.",
     "Many: look at the sender."),
)  # fmt: skip
_MUST_NOT: Final = tuple(
    Panel(
        title,
        Kind.STAT,
        f"{metric.brief} In the range that is shown.",
        queries=(Query(grown(metric.prometheus, *CHOSEN), title.lower()),),
        why=why,
        do=do,
        unit=Unit.NUMBER,
        no_data="not counted: no bridge exports it",
        steps=steps,
        links=(ToRunbook(runbook), parts.TO_LOGS),
        width=width,
        height=4,
    )
    for (title, runbook, metric, steps, why, do), width in zip(_GIVEN, (5, 5, 5, 5, 4), strict=True)
)


_SOURCE, _OUTCOME = a.LETTA_BRIDGE_SOURCE, a.LETTA_BRIDGE_OUTCOME
_REPLIES: Final = (
    Panel(
        "Replies by source and outcome",
        Kind.TIMESERIES,
        "Replies a second, by who answered and what the reply says.",
        queries=(
            Query(
                rate(count_of(_RESPONSES), *CHOSEN, by=(_SOURCE, _OUTCOME)),
                f"{_BY_SOURCE} {{{{{label(_OUTCOME)}}}}}",
            ),
        ),
        why="It is what users get.",
        do="memory-python grows: see fallbacks by reason. Errors: see the log at that time.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data=_NO_BRIDGE,
        is_stacked=True,
        links=(parts.TO_LOGS,),
        width=6,
    ),
    Panel(
        "Errors",
        Kind.TIMESERIES,
        "Share of replies that are an error.",
        queries=(Query(error_share(count_of(_RESPONSES), *CHOSEN, failed=f'{label(_OUTCOME)}="error"'), "errors"),),
        why="An error reply is an answer, too, and may be a fast one: durations do not show it.",
        do="The log on the level ERROR, and one trace of a failed request.",
        unit=Unit.SHARE,
        no_data="No reply in this range.",
        links=(parts.TO_LOGS, parts.TO_TRACES),
        width=6,
    ),
    Panel(
        "Replies by response time",
        Kind.HEATMAP,
        "How many replies fell into each bucket.",
        queries=(
            Query(f"sum by (le) (increase({series(bucket_of(_RESPONSES), *CHOSEN)}[$__rate_interval]))", "{{le}}"),
        ),
        why="The fallback makes a second band, which a percentile hides.",
        do="A band at the timeout: Letta hangs, and the fallback answers after it.",
        unit=Unit.SECONDS,
        no_data="No reply in this range.",
        width=6,
    ),
)


def dashboard(catalogue: Catalogue) -> Dashboard:
    """Return the dashboard of the bridge."""
    ours = [one for one in catalogue.objectives if one.service == SERVICE]
    return Dashboard(
        "bridge",
        "Bridge and Redis",
        "Requests on their way through the queue to Letta or the fallback, and the Redis that they lie in.",
        (
            Row("Objectives", (*parts.budgets(SERVICE), *_good(ours))),
            Row("Replies", (*_REPLIES, _response_time(ours))),
            Row("Queue", _QUEUE),
            Row("Where the time goes", _TIME),
            Row("What must not happen", _MUST_NOT),
            Row("Redis", redis.PANELS),
        ),
        (
            parts.SOURCE,
            *parts.job_and_instance(m.LETTA_BRIDGE_REQUESTS.prometheus),
            parts.TRACES,
            parts.LOGS,
        ),
        parts.happenings(*CHOSEN),
    )


def _good(ours: list[Objective]) -> tuple[Panel, ...]:
    steady = [one for one in with_share(ours) if Phase.STEADY in one.samples.phases]
    if not steady:
        return ()
    panel = Panel(
        "Good requests by objective",
        Kind.TIMESERIES,
        "Share of good requests by the queries of each objective: in time, without an error, answered by Letta.",
        queries=tuple(Query(good_share(one), one.name) for one in steady),
        why="One that falls alone says what is wrong: late, failed, or answered by the fallback.",
        do="By Letta falls, the others do not: the fallback works; look at Letta.",
        unit=Unit.SHARE,
        no_data="No request in this range.",
        links=(ToDashboard("letta", "Letta"),),
        width=24,
        height=7,
    )
    return (panel,)


def _response_time(ours: list[Objective]) -> Panel:
    source = a.LETTA_BRIDGE_SOURCE
    return Panel(
        "Response time by source",
        Kind.TIMESERIES,
        "From the time that a request names until its reply has left: median and 95th percentile by who answered.",
        queries=(
            Query(quantile("0.5", _RESPONSES, *CHOSEN, by=(source,)), f"p50 {_BY_SOURCE}"),
            Query(quantile("0.95", _RESPONSES, *CHOSEN, by=(source,)), f"p95 {_BY_SOURCE}", has_exemplars=True),
        ),
        why="It has the waiting in the queue in it, as users do.",
        do="Above the limit: queue, then where the time goes, below.",
        unit=Unit.SECONDS,
        no_data="No reply in this range.",
        steps=parts.over_limit(parts.limit_s(ours, "bridge", Measure.RESPONSE_TIME)),
        links=(parts.TO_TRACES,),
        width=6,
    )
