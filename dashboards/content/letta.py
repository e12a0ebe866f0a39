"""How does Letta do: its API, its agents, the models behind them, what they cost, and its streams?"""

from __future__ import annotations

from typing import Final

from letta_otel.conventions import attributes as a
from letta_otel.conventions import metrics as m

from dashboards.content import letta_models, parts
from dashboards.queries import (
    CHOSEN,
    NOT_A_COLLECTOR,
    bucket_of,
    classed,
    count_of,
    error_share,
    good_share,
    label,
    quantile,
    rate,
    series,
)
from dashboards.spec import Dashboard, Kind, Panel, Query, Row, ToDashboard, ToObjective, ToRunbook, Unit
from slo.objective import Catalogue, Measure, Objective
from slo.objective import Kind as ObjectiveKind

SERVICE = "letta-api"
_REQUESTS = m.HTTP_SERVER_REQUEST_DURATION
_FAILED = f'{label(a.HTTP_RESPONSE_STATUS_CODE)}=~"5.."'
# "All" jobs are any, so the collector's own requests have to be left out by name.
_LETTAS = (*CHOSEN, NOT_A_COLLECTOR)


_STEP = m.LETTA_STEP_DURATION
_MESSAGES = rate(count_of(_REQUESTS), *_LETTAS, f'{label(a.HTTP_ROUTE)}=~".*/messages(/stream)?"')
_AGENTS: Final = (
    Panel(
        "Steps of agents",
        Kind.TIMESERIES,
        "Steps a second, over all agents. A step is one call to the model with the tools that it asks for.",
        queries=(Query(rate(count_of(_STEP), *CHOSEN), "steps"),),
        why="Steps are the work; messages only ask for it.",
        do="Steps without messages: agents in a circle. Messages without steps: they fail before the first.",
        unit=Unit.EVENTS_A_SECOND,
        no_data="No step in this range. They come from the add-on (letta-otel) in a Letta server.",
    ),
    Panel(
        "Steps of a message",
        Kind.TIMESERIES,
        "Steps for each message, on average.",
        queries=(Query(f"{rate(count_of(_STEP), *CHOSEN)} / ({_MESSAGES} > 0)", "steps of a message"),),
        why="Each step costs a call to the model, so twice the steps is twice the time and the money.",
        do="A rise: a tool that fails and is tried again, or a prompt that was changed.",
        unit=Unit.NUMBER,
        no_data="No step or no message in this range. Steps come from the add-on (letta-otel) in a Letta server.",
    ),
    Panel(
        "Duration of a step",
        Kind.TIMESERIES,
        "Median and 95th percentile of a step: the call to the model and its tools together.",
        queries=tuple(
            Query(quantile(q, _STEP, *CHOSEN), name, has_exemplars=q == "0.95")
            for q, name in (("0.5", "p50"), ("0.95", "p95"))
        ),
        why="Beside the duration of the model's calls it shows what tools and memory take.",
        do="Longer than the model's calls: a slow tool, or the database.",
        unit=Unit.SECONDS,
        no_data="No step in this range. They come from the add-on (letta-otel) in a Letta server.",
        links=(ToDashboard("stores", "Data stores"), parts.TO_TRACES),
    ),
)


_ROUTE, _STATUS, _METHOD = a.HTTP_ROUTE, a.HTTP_RESPONSE_STATUS_CODE, a.HTTP_REQUEST_METHOD
_BY_ROUTE = f"{{{{{label(_METHOD)}}}}} {{{{{label(_ROUTE)}}}}}"
_MESSAGE = (*_LETTAS, f'{label(_ROUTE)}=~".*/messages"', f'{label(_METHOD)}="POST"')
_API: Final = (
    Panel(
        "Requests by route",
        Kind.TIMESERIES,
        "Requests a second that were answered, by method and route.",
        queries=(Query(rate(count_of(_REQUESTS), *_LETTAS, by=(_METHOD, _ROUTE)), _BY_ROUTE),),
        why="A change of load is the first explanation of any change below.",
        do="A fall to nothing: see whether callers reach Letta at all, and the bridge's dashboard.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data="No request in this range.",
        is_stacked=True,
        links=(ToDashboard("bridge", "Bridge"),),
    ),
    Panel(
        "Errors by route",
        Kind.TIMESERIES,
        "Share of requests that were answered with a 5xx status, by route. A route without traffic has none.",
        queries=(Query(error_share(count_of(_REQUESTS), *_LETTAS, failed=_FAILED, by=(_METHOD, _ROUTE)), _BY_ROUTE),),
        why="A mean over all routes hides one that always fails.",
        do="One route: its traces. All of them: database and models below.",
        unit=Unit.SHARE,
        no_data="No request in this range.",
        links=(ToRunbook("letta-down"), parts.TO_TRACES, parts.TO_LOGS),
    ),
    Panel(
        "Answers by status",
        Kind.TIMESERIES,
        "Answers a second by status. 4xx are the caller's, 5xx are ours, and none is a request that got no answer.",
        queries=(
            Query(classed(rate(count_of(_REQUESTS), *_LETTAS, by=(_STATUS,)), _STATUS), f"{{{{{label(_STATUS)}}}}}"),
        ),
        why="409 is a busy agent, 429 a limit, 503 a server that takes no more: each wants something else.",
        do="Rising 409: callers send to an agent that has a message in hand. 5xx: the log of that time.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data="No answer in this range.",
        is_stacked=True,
        links=(parts.TO_LOGS,),
    ),
    Panel(
        "95th percentile by route",
        Kind.TIMESERIES,
        "How long nineteen of twenty requests took at most, by method and route.",
        queries=(Query(quantile("0.95", _REQUESTS, *_LETTAS, by=(_METHOD, _ROUTE)), _BY_ROUTE),),
        why="Messages take seconds and a list of blocks milliseconds; together they say nothing.",
        do="Look at traces of the route that rose.",
        unit=Unit.SECONDS,
        no_data="No request in this range.",
        links=(parts.TO_TRACES,),
    ),
    Panel(
        "Messages by duration",
        Kind.HEATMAP,
        "How many messages fell into each bucket of duration.",
        queries=(
            Query(f"sum by (le) (increase({series(bucket_of(_REQUESTS), *_MESSAGE)}[$__rate_interval]))", "{{le}}"),
        ),
        why="Two groups of durations look like one in any percentile.",
        do="A second band: what do its messages have in common? A model, a tool, a retry.",
        unit=Unit.SECONDS,
        no_data="No message in this range.",
    ),
)


def dashboard(catalogue: Catalogue) -> Dashboard:
    """Return the dashboard of Letta."""
    ours = [one for one in catalogue.objectives if one.service == SERVICE]
    return Dashboard(
        "letta",
        "Letta",
        "The API as its callers see it, then what stands behind an answer: steps of agents, calls to models, streams.",
        (
            Row("Objectives", (*parts.budgets(SERVICE), *_under_limits(ours))),
            Row("API: requests, errors, durations", (*_API, _duration(ours))),
            Row("Agents", _AGENTS),
            Row("Models", letta_models.MODELS),
            Row("Tokens and cost", letta_models.TOKENS),
            Row("Streams", _streams(ours)),
        ),
        (
            parts.SOURCE,
            *parts.job_and_instance(series(count_of(_REQUESTS), NOT_A_COLLECTOR)),
            *letta_models.PRICES,
            parts.TRACES,
            parts.LOGS,
        ),
        parts.happenings(*CHOSEN),
    )


def _under_limits(ours: list[Objective]) -> tuple[Panel, ...]:
    shares = [one for one in ours if one.kind is ObjectiveKind.SHARE and one.target is not None]
    width = max(6, 24 // max(len(shares), 1))
    return tuple(
        Panel(
            f"{one.title}: good requests",
            Kind.TIMESERIES,
            f"{one.description} As a share of all, beside what is promised.",
            queries=(Query(good_share(one), "good"), Query(f"vector({float(one.target)})", "promised")),
            why="It is the objective itself, as it is now, before any average over a period.",
            do="Below the promise: see the row that belongs to it, and the objective's own dashboard.",
            unit=Unit.SHARE,
            no_data="No such request in this range.",
            links=(ToObjective(one.name),),
            width=width,
            height=7,
        )
        for one in shares
        if one.target is not None
    )


def _streams(ours: list[Objective]) -> tuple[Panel, ...]:
    first = m.GEN_AI_SERVER_TIME_TO_FIRST_TOKEN
    route, error = a.HTTP_ROUTE, a.ERROR_TYPE
    return (
        Panel(
            "Time to first token",
            Kind.TIMESERIES,
            "From a request until the first content of its stream: median, 95th and 99th percentile.",
            queries=tuple(
                Query(quantile(q, first, *CHOSEN), name, has_exemplars=q == "0.95")
                for q, name in (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"))
            ),
            why="A reader judges a stream by when it begins.",
            do="Beside the model's first chunk, above: what lies between is Letta's own.",
            unit=Unit.SECONDS,
            no_data="No stream has ended in this range.",
            steps=parts.over_limit(parts.limit_s(ours, "stream", Measure.TIME_TO_FIRST_TOKEN)),
            links=(parts.TO_TRACES,),
            width=12,
        ),
        Panel(
            "Streams by how they ended",
            Kind.TIMESERIES,
            "Streams a second that had content, by route and class of error; no class is none.",
            queries=(
                Query(
                    classed(rate(count_of(first), *CHOSEN, by=(route, error)), error),
                    f"{{{{{label(route)}}}}} {{{{{label(error)}}}}}",
                ),
            ),
            why="A stream answers 200 before it can fail, so its errors are in no status.",
            do="A class of error: the log of that time, and the model's errors above.",
            unit=Unit.EVENTS_A_SECOND,
            no_data="No stream has ended in this range.",
            is_stacked=True,
            links=(parts.TO_LOGS,),
            width=12,
        ),
    )


def _duration(ours: list[Objective]) -> Panel:
    return Panel(
        "Duration of messages",
        Kind.TIMESERIES,
        "Median, 95th and 99th percentile of messages that do not stream, by interpolation in the histogram.",
        queries=tuple(
            Query(quantile(q, _REQUESTS, *_MESSAGE), name, has_exemplars=q == "0.95")
            for q, name in (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"))
        ),
        why="The distance between median and tail tells waiting from working.",
        do="All rise: the server is full. The tail alone rises: some requests wait for a model or a connection.",
        unit=Unit.SECONDS,
        no_data="No message in this range.",
        steps=parts.over_limit(parts.limit_s(ours, "message", Measure.RESPONSE_TIME)),
        links=(parts.TO_TRACES,),
    )
