"""What is changed in a process of Letta? Each change waits until the module that it is about has been imported."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Final

import wrapt

from letta_otel.ending import on_sigterm

LETTA: Final = "0.16.4"
ENDPOINT: Final = "LETTA_OTEL_EXPORTER_OTLP_ENDPOINT"

_DEFAULTS: Final = {
    "LETTA_OTEL_PREFERRED_TEMPORALITY": "2",  # cumulative: neither a Prometheus nor AOM knows delta, Letta's default
    "OTEL_BSP_MAX_QUEUE_SIZE": "16384",  # a message has up to 89 spans; 2,048 are full in a moment
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_METRIC_EXPORT_INTERVAL": "15000",  # as often as a Prometheus asks, not once a minute
}
# Letta's module, and the module here whose `change` gets it.
_CHANGES: Final = {
    "letta.otel.resource": "resource",
    "letta.otel.tracing": "tracing",
    "letta.otel.metrics": "meters",
    "letta.server.db": "database",
    "letta.adapters.letta_llm_request_adapter": "model",
    "letta.adapters.letta_llm_stream_adapter": "model",
    "letta.adapters.simple_llm_request_adapter": "model",
    "letta.adapters.simple_llm_stream_adapter": "model",
    "letta.llm_api.openai_client": "embeddings",
}

_log = logging.getLogger("letta_otel")


def load() -> None:
    """Prepare the changes; does nothing where Letta sends no telemetry."""
    if not os.environ.get(ENDPOINT):
        return
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name in _CHANGES:
        wrapt.register_post_import_hook(_change, name)
    on_sigterm(_stop)


def _change(module: ModuleType) -> None:
    ours = _CHANGES[module.__name__]
    try:
        import_module(f"letta_otel.letta.{ours}").change(module)
    except Exception as error:  # Letta goes on without this change, and says which
        _log.warning(
            "letta_otel: %s stays as it is (%s: %s); the add-on is made for Letta %s",
            module.__name__,
            type(error).__name__,
            error,
            LETTA,
        )


def _stop() -> None:
    """Send what is left: Letta itself ends by the signal, and would lose it."""
    if "letta.otel.tracing" in sys.modules:  # else this is a process of Python's that Letta only started
        import_module("letta_otel.letta.tracing").stop()
