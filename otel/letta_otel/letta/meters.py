"""How does a Letta server send its metrics? With edges at the objectives, without labels that have no bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from opentelemetry import metrics as otel_metrics
from opentelemetry.sdk.metrics.view import DropAggregation, ExplicitBucketHistogramAggregation, View

from letta_otel.conventions import metrics
from letta_otel.letta.server import ServerSpans
from letta_otel.letta.tracing import SCOPE
from letta_otel.process import watch_process

# Letta's own end at 10 s, and have none at 2,000 ms.
_EDGES_MS: Final = (50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000, 60_000, 120_000)
_VIEWS: Final = (
    View(instrument_name="hist_endpoint_e2e_ms", aggregation=ExplicitBucketHistogramAggregation(_EDGES_MS)),
    View(instrument_name="hist_tool_execution_time_ms", aggregation=ExplicitBucketHistogramAggregation(_EDGES_MS)),
    # On an error Letta adds the id of the step, and each is a series for good.
    View(instrument_name="count_tool_execution", attribute_keys={"tool.name", "tool.execution_success"}),
    # Its unit says milliseconds and its values are nanoseconds: `letta.step.duration` is in its place.
    View(instrument_name="hist_step_execution_time_ms", aggregation=DropAggregation()),
    # The exporter of 1.30 asks for the SDK's own edges, whatever an instrument says.
    *(
        View(instrument_name=one.name, aggregation=ExplicitBucketHistogramAggregation(one.edges))
        for one in metrics.ALL.values()
        if one.edges
    ),
)


def change(module: Any) -> None:
    """Have Letta's `otel.metrics` make its provider so, and put the server's spans around the whole application."""
    original_provider: Callable[..., Any] = module.MeterProvider
    module.MeterProvider = lambda **given: original_provider(**given, views=_VIEWS)
    original = module.setup_metrics

    def setup_metrics(endpoint: str, app: Any = None, service_name: str = "memgpt-server") -> None:
        original(endpoint, app, service_name)
        watch_process(otel_metrics.get_meter(SCOPE))
        if app is not None:
            app.add_middleware(ServerSpans)  # Letta adds none after this one, so that it is the outermost

    module.setup_metrics = setup_metrics
