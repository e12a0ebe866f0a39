"""What does a Letta server tell of its calls to a model? One span, its duration and its tokens, as the answer says.

Letta's own instruments for this are only reached by agents of a kind that is not made any more.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import wraps
from typing import Any, Final

from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from letta_otel.bounds import Bound
from letta_otel.conventions import attributes as names
from letta_otel.conventions import metrics
from letta_otel.instruments import histogram
from letta_otel.letta.tracing import SCOPE

_tracer: Final = trace.get_tracer(SCOPE)
_meter: Final = otel_metrics.get_meter(SCOPE)
_durations: Final = histogram(_meter, metrics.GEN_AI_CLIENT_OPERATION_DURATION)
_first_chunks: Final = histogram(_meter, metrics.GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK)
_tokens: Final = histogram(_meter, metrics.GEN_AI_CLIENT_TOKEN_USAGE)
_models: Final = Bound()
_providers: Final = Bound()
_error_types: Final = Bound()


def change(module: Any) -> None:
    """Measure the calls of each adapter that a module defines."""
    adapters = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == module.__name__ and "invoke_llm" in vars(one)
    ]
    if not adapters:
        raise AttributeError(f"{module.__name__} has no class with invoke_llm")
    for adapter in adapters:
        adapter.invoke_llm = _measured(adapter.invoke_llm)  # type: ignore[attr-defined]


class ModelCall:
    """One call to a model, from the moment that this is made."""

    def __init__(self, operation: str, provider: str, model: str, **known: Any) -> None:
        self._labels = {
            names.GEN_AI_OPERATION_NAME: operation,
            names.GEN_AI_PROVIDER_NAME: _providers(provider),
            names.GEN_AI_REQUEST_MODEL: _models(model),
        }
        self._began_ns = time.time_ns()
        self._first_ns: int | None = None
        self._error_type: str | None = None
        self._span = _tracer.start_span(
            f"{operation} {self._labels[names.GEN_AI_REQUEST_MODEL]}",
            kind=SpanKind.CLIENT,
            attributes={**self._labels, **{name: value for name, value in known.items() if value}},
            start_time=self._began_ns,
        )

    def chunk(self) -> None:
        """Say that a part of the answer goes on to the user."""
        self._first_ns = self._first_ns or time.time_ns()

    def failed(self, error: BaseException) -> None:
        """Say that there is no answer."""
        self._error_type = _error_types(type(error).__name__)
        self._span.set_attribute(names.ERROR_TYPE, self._error_type)
        self._span.set_status(Status(StatusCode.ERROR))

    def used(self, input_tokens: int, output_tokens: int) -> None:
        """Say how many tokens the call cost; an answer that says none tells nothing."""
        for name, kind, count in (
            (names.GEN_AI_USAGE_INPUT_TOKENS, "input", input_tokens),
            (names.GEN_AI_USAGE_OUTPUT_TOKENS, "output", output_tokens),
        ):
            if count:
                self._span.set_attribute(name, count)
                _tokens.record(count, {**self._labels, names.GEN_AI_TOKEN_TYPE: kind})

    def end(self, ended_ns: int | None = None) -> None:
        """End it now, or at a time that is known, in nanoseconds since 1970."""
        ended_ns = ended_ns or time.time_ns()
        labels = dict(self._labels)
        if self._error_type is not None:
            labels[names.ERROR_TYPE] = self._error_type
        if self._first_ns is not None:
            _first_chunks.record((self._first_ns - self._began_ns) / 1e9, labels)
        _durations.record((ended_ns - self._began_ns) / 1e9, labels)
        self._span.end(ended_ns)


def _measured(invoke: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    @wraps(invoke)
    async def measured(adapter: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        call = ModelCall(
            "chat",
            adapter.llm_config.model_endpoint_type,
            adapter.llm_config.model,
            **{names.GEN_AI_AGENT_ID: adapter.agent_id, names.LETTA_STEP_ID: kwargs.get("step_id")},
        )
        try:
            async with aclosing(invoke(adapter, *args, **kwargs)) as chunks:  # type: ignore[type-var]  # a generator
                async for chunk in chunks:
                    if chunk is not None:  # a call without a stream gives nothing, once
                        call.chunk()
                    yield chunk
        except BaseException as error:  # the adapter still says what its call before this one cost
            call.failed(error)
            call.end()
            raise
        call.used(adapter.usage.prompt_tokens, adapter.usage.completion_tokens)
        call.end(adapter.llm_request_finish_timestamp_ns)

    return measured
