"""Does all telemetry of a run keep to the registry? A receiver that looks at each thing, beside the backends.

A further configuration has the collector send it everything as it came, before anything is taken out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import grpc
import yaml
from letta_otel.live_check import Finding, LiveCheck
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

_HOST: Final = "127.0.0.1"
_LARGEST: Final = 16 * 1024 * 1024
_SERVICE: Final = "opentelemetry.proto.collector.{0}.v1.{1}Service"
# The collector tells of itself along the same way, and a Letta brings the spans of the libraries that it uses.
_FOREIGN: Final = ("go.opentelemetry.io/", "github.com/open-telemetry/", "opentelemetry.instrumentation.", "letta.")


class LiveCheckReceiver:
    """Listens on a free port of loopback; `config` is what a collector has to be given to send there, too."""

    def __init__(self) -> None:
        self._check = LiveCheck(foreign_scopes=_FOREIGN)
        self._lock = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.max_receive_message_length", _LARGEST)])
        self._port = self._server.add_insecure_port(f"{_HOST}:0")
        self._serve(
            _SERVICE.format("trace", "Trace"),
            self._check.take_spans,
            traces.ExportTraceServiceRequest,
            traces.ExportTraceServiceResponse,
        )
        self._serve(
            _SERVICE.format("metrics", "Metrics"),
            self._check.take_metrics,
            metrics.ExportMetricsServiceRequest,
            metrics.ExportMetricsServiceResponse,
        )
        self._serve(
            _SERVICE.format("logs", "Logs"),
            self._check.take_logs,
            logs.ExportLogsServiceRequest,
            logs.ExportLogsServiceResponse,
        )

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(None).wait()

    def config(self, folder: Path) -> Path:
        """Write the collector's further configuration into a folder, and return its path."""
        exporter = "otlp_grpc/check"
        pipelines = {
            f"{kind}/check": {"receivers": ["otlp"], "exporters": [exporter]} for kind in ("traces", "metrics", "logs")
        }
        content = {
            "exporters": {exporter: {"endpoint": f"{_HOST}:{self._port}", "tls": {"insecure": True}}},
            "service": {"pipelines": pipelines},
        }
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "check.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    def findings(
        self, *, expected_metrics: Iterable[str], expected_spans: Iterable[str]
    ) -> tuple[tuple[Finding, int], ...]:
        """Return what was found so far, and how often; what was expected and never came is a finding, too."""
        with self._lock:
            return self._check.findings(expected_metrics=expected_metrics, expected_spans=expected_spans)

    def _serve(self, service: str, take: Callable[[Any], None], asked: Any, answer: Any) -> None:
        def export(request: Any, _context: object) -> Any:
            with self._lock:
                take(request)
            return answer()

        handler = grpc.unary_unary_rpc_method_handler(
            export, request_deserializer=asked.FromString, response_serializer=answer.SerializeToString
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
