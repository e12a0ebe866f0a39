"""How do the models behind Letta do: calls, errors, durations, tokens, and money?"""

from __future__ import annotations

from typing import Final

from letta_otel.conventions import attributes as a
from letta_otel.conventions import metrics as m

from dashboards.content import parts
from dashboards.queries import CHOSEN, classed, count_of, error_share, label, mean, quantile, rate, sum_of
from dashboards.spec import Choice, Kind, Panel, Query, ToDashboard, ToRunbook, Unit, Variable

_CALLS = m.GEN_AI_CLIENT_OPERATION_DURATION
_TOKENS = m.GEN_AI_CLIENT_TOKEN_USAGE
_MODEL = a.GEN_AI_REQUEST_MODEL
_BY_MODEL = f"{{{{{label(_MODEL)}}}}}"
_NO_CALL = "No call to a model in this range. They come from the add-on (letta-otel) in a Letta server."


def _cost(by: tuple[str, ...]) -> str:
    kind = label(a.GEN_AI_TOKEN_TYPE)
    read, written = (rate(sum_of(_TOKENS), *CHOSEN, f'{kind}="{value}"', by=by) for value in ("input", "output"))
    # A model that embeds writes none.
    return f"({read} * $price_in + ({written} * $price_out or 0 * {read})) * 86400 / 1e6"


# No source has the price of every model, so a person types it; 1 is no price, and shows millions of tokens.
PRICES: Final = (
    Variable("price_in", "Price in", Choice.TYPED, "1", "What a million tokens that a model reads cost you."),
    Variable("price_out", "Price out", Choice.TYPED, "1", "What a million tokens that a model writes cost you."),
)


_ERROR = label(a.ERROR_TYPE)
MODELS: Final = (
    Panel(
        "Calls by model",
        Kind.TIMESERIES,
        "Calls a second, by the model that was asked.",
        queries=(Query(rate(count_of(_CALLS), *CHOSEN, by=(_MODEL,)), _BY_MODEL),),
        why="Quotas of providers count calls, too.",
        do="A model that nobody asked for: see the configuration of the agents.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data=_NO_CALL,
        is_stacked=True,
        width=6,
    ),
    Panel(
        "Errors by model",
        Kind.TIMESERIES,
        "Share of calls that failed, by model. A model of which every call fails is at 100 %, not missing.",
        queries=(Query(error_share(count_of(_CALLS), *CHOSEN, failed=f'{_ERROR}!=""', by=(_MODEL,)), _BY_MODEL),),
        why="A message cannot be more available than the model that answers it.",
        do="See the classes beside it: 429 wants a quota, a timeout wants a smaller prompt or another model.",
        unit=Unit.SHARE,
        no_data=_NO_CALL,
        links=(ToRunbook("model"), parts.TO_LOGS, parts.TO_TRACES),
        width=6,
    ),
    Panel(
        "Calls by class of error",
        Kind.TIMESERIES,
        "Calls a second by class of error; no class is none.",
        queries=(
            Query(
                classed(rate(count_of(_CALLS), *CHOSEN, by=(a.ERROR_TYPE,)), a.ERROR_TYPE),
                f"error: {{{{{_ERROR}}}}}",
            ),
        ),
        why="What to do depends on why calls fail.",
        do="RateLimitError: raise the quota or lower the load. Timeouts: look at the provider's status.",
        unit=Unit.REQUESTS_A_SECOND,
        no_data=_NO_CALL,
        links=(parts.TO_LOGS,),
        width=6,
    ),
    Panel(
        "Duration of a call by model",
        Kind.TIMESERIES,
        "Median and 95th percentile of a call, until its whole answer was read.",
        queries=(
            Query(quantile("0.5", _CALLS, *CHOSEN, by=(_MODEL,)), f"p50 {_BY_MODEL}"),
            Query(quantile("0.95", _CALLS, *CHOSEN, by=(_MODEL,)), f"p95 {_BY_MODEL}", has_exemplars=True),
        ),
        why="It is the largest part of most messages.",
        do="Longer with the same number of tokens: the provider. With more tokens: the prompts.",
        unit=Unit.SECONDS,
        no_data=_NO_CALL,
        steps=parts.from_alarm("ModelSlow"),
        links=(ToRunbook("model"), parts.TO_TRACES, ToDashboard("bridge", "Bridge")),
        width=6,
    ),
)

_KIND = label(a.GEN_AI_TOKEN_TYPE)
_FIRST = m.GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK
TOKENS: Final = (
    Panel(
        "Tokens by model",
        Kind.TIMESERIES,
        "Tokens a second that models read (input) and wrote (output).",
        queries=(
            Query(rate(sum_of(_TOKENS), *CHOSEN, by=(_MODEL, a.GEN_AI_TOKEN_TYPE)), f"{_BY_MODEL} {{{{{_KIND}}}}}"),
        ),
        why="Tokens are what is paid for, and what quotas count.",
        do="Input that grows by itself: the history of agents; have it summarised.",
        unit=Unit.EVENTS_A_SECOND,
        no_data=_NO_CALL,
        is_stacked=True,
        width=6,
    ),
    Panel(
        "Tokens of a call",
        Kind.TIMESERIES,
        "Tokens of one call on average, by model and who wrote them.",
        queries=(Query(mean(_TOKENS, *CHOSEN, by=(_MODEL, a.GEN_AI_TOKEN_TYPE)), f"{_BY_MODEL} {{{{{_KIND}}}}}"),),
        why="A longer prompt is slower and dearer, whatever the load.",
        do="A rise in input after a change: what does the system prompt hold now?",
        unit=Unit.NUMBER,
        no_data=_NO_CALL,
        width=6,
    ),
    Panel(
        "Cost of a day at this rate",
        Kind.TIMESERIES,
        "Tokens of the moment for 24 hours, at the prices typed above for a million. With prices of 1 it is "
        "millions of tokens a day. Every model at the same price.",
        queries=(Query(_cost(by=(_MODEL,)), _BY_MODEL),),
        why="A bill comes once a month, and a loop of agents burns it in a night.",
        do="A jump without a jump of messages: steps of a message, above.",
        unit=Unit.NUMBER,
        no_data=_NO_CALL,
        is_stacked=True,
        width=6,
    ),
    Panel(
        "First chunk of a call by model",
        Kind.TIMESERIES,
        "From a call until the first part of the answer that goes on to the user, 95th percentile; streams only.",
        queries=(Query(quantile("0.95", _FIRST, *CHOSEN, by=(_MODEL,)), _BY_MODEL),),
        why="It bounds the time to first token from below.",
        do="Beside the time to first token, below: the rest is Letta's own.",
        unit=Unit.SECONDS,
        no_data="No streamed call to a model in this range.",
        width=6,
    ),
)
