"""Which spans does a Letta server make? One for each request, below the caller's, and one for each traced method.

Letta's own middleware opens a second span for each request, ignores who called, and puts the body on it; its decorator
writes the parameters of hundreds of methods. Both are replaced, under the names that they have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Status, StatusCode

from letta_otel.conventions import attributes as names
from letta_otel.conventions import metrics
from letta_otel.ending import STOP_S, within
from letta_otel.instruments import histogram
from letta_otel.letta.content import WithoutContent

SCOPE: Final = "letta_otel.letta"
_STEP: Final = "agent_step"  # Letta's name for the span of one step

_tracer: Final = trace.get_tracer("letta.otel.tracing")  # Letta's own scope: the names are Letta's


def change(module: Any) -> None:
    """Replace what Letta's `otel.tracing` gives to the rest of Letta, before the rest has it."""
    exporter = module.OTLPSpanExporter
    module.OTLPSpanExporter = lambda **given: WithoutContent(exporter(**given))
    module.trace_method = traced
    module.log_event = log_event
    module.log_attributes = _say_nothing
    module._trace_request_middleware = _hand_on
    module._update_trace_attributes = _depend_on_nothing
    original = module.setup_tracing

    def setup_tracing(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        trace.get_tracer_provider().add_span_processor(_Steps())  # type: ignore[attr-defined]  # the SDK's, by now

    module.setup_tracing = setup_tracing


def stop() -> bool:
    """Send what is left; return whether everything was sent in time."""
    return within(STOP_S, _shut_down)


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Span a function under Letta's name for it, `Class.method`, without its parameters."""

    @wraps(function)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        with _span(_name(function, args)):
            return await function(*args, **kwargs)

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with _span(_name(function, args)):
            return function(*args, **kwargs)

    return awaited if asyncio.iscoroutinefunction(function) else called


def log_event(name: str, attributes: dict[str, Any] | None = None, timestamp: int | None = None) -> None:
    """Add an event of Letta's to the current span: its name and its numbers."""
    numbers = {key: value for key, value in (attributes or {}).items() if isinstance(value, int | float)}
    trace.get_current_span().add_event(name, numbers, timestamp)


class _Steps(SpanProcessor):
    """Records how long each step took, from the span that Letta makes of it."""

    def __init__(self) -> None:
        self._durations = histogram(otel_metrics.get_meter(SCOPE), metrics.LETTA_STEP_DURATION)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: a step counts when it has ended."""

    def on_end(self, span: ReadableSpan) -> None:
        """Record it, if it is a step."""
        if span.name == _STEP and span.start_time is not None and span.end_time is not None:
            self._durations.record((span.end_time - span.start_time) / 1e9)


def _shut_down() -> None:
    for provider in (trace.get_tracer_provider(), otel_metrics.get_meter_provider()):
        shut_down = getattr(provider, "shutdown", None)  # none where Letta never set one up
        if shut_down is not None:
            shut_down()


@contextmanager
def _span(name: str) -> Iterator[None]:
    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except BaseException as error:
            span.set_attribute(names.ERROR_TYPE, type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def _name(function: Callable[..., Any], args: tuple[Any, ...]) -> str:
    owner = type(args[0]).__name__ if args else function.__module__
    return f"{owner}.{function.__name__}"


def _say_nothing(_: dict[str, Any]) -> None:
    """Leave out what Letta would put on a span: prompts, settings, answers."""


async def _hand_on(request: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
    """Stand where Letta's middleware for spans stood."""
    return await call_next(request)


async def _depend_on_nothing() -> None:
    """Stand where Letta's dependency stood that puts the body of a request on its span."""
