"""A receiver of OTLP over HTTP and over gRPC for tests: keeps everything that was sent, decoded."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc
from letta_otel.live_check import LiveCheck
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.processes import eventually

_KINDS = ("", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")


@dataclass(frozen=True, slots=True)
class SentSpan:
    """One span as it came; ids in hexadecimal digits, `parent` empty for a root."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    status: str
    attributes: dict[str, Any]
    resource: dict[str, Any] = field(repr=False)


class OtlpSink:
    """Listens on free ports of loopback; `address` is what `OTEL_EXPORTER_OTLP_ENDPOINT` wants, for HTTP.

    `grpc_address` is the same for gRPC, for traces and metrics.
    """

    def __init__(self) -> None:
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.logs: list[ExportLogsServiceRequest] = []
        takers: dict[str, tuple[Any, list[Any]]] = {
            "/v1/traces": (ExportTraceServiceRequest, self.traces),
            "/v1/metrics": (ExportMetricsServiceRequest, self.metrics),
            "/v1/logs": (ExportLogsServiceRequest, self.logs),
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                kind, kept = takers[self.path]
                kept.append(kind.FromString(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._grpc = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 16 * 1024 * 1024)])
        add_TraceServiceServicer_to_server(_Traces(self.traces), self._grpc)  # type: ignore[no-untyped-call]
        add_MetricsServiceServicer_to_server(_Metrics(self.metrics), self._grpc)  # type: ignore[no-untyped-call]
        self.grpc_address = f"http://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._grpc.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._grpc.stop(None).wait()

    def spans(self) -> list[SentSpan]:
        """Return all spans that came so far."""
        return [
            _sent(span, _plain(resource.resource.attributes))
            for request in list(self.traces)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait_for_spans(self, *names: str) -> dict[str, SentSpan]:
        """Return spans of these names, when there is one of each."""
        eventually(lambda: set(names) <= {one.name for one in self.spans()})
        return {one.name: one for one in self.spans()}

    def points(self, name: str) -> Iterator[tuple[dict[str, Any], float]]:
        """Return attributes and value (of a histogram: the count) of each series of a metric, as it last came."""
        last: dict[str, tuple[dict[str, Any], float]] = {}
        for request in list(self.metrics):
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in (one for one in scope.metrics if one.name == name):
                        kind = metric.WhichOneof("data")
                        assert kind is not None
                        for point in getattr(metric, kind).data_points:
                            given = _plain(point.attributes)
                            value = point.count if kind == "histogram" else point.as_int or point.as_double
                            last[repr(sorted(given.items()))] = given, value
        yield from last.values()

    def check(self, *, foreign_scopes: tuple[str, ...] = ()) -> LiveCheck:
        """Return the live check of everything that came so far."""
        check = LiveCheck(foreign_scopes=foreign_scopes)
        for traces in list(self.traces):
            check.take_spans(traces)
        for metrics in list(self.metrics):
            check.take_metrics(metrics)
        for logs in list(self.logs):
            check.take_logs(logs)
        return check


class _Traces(TraceServiceServicer):
    def __init__(self, kept: list[ExportTraceServiceRequest]) -> None:
        self._kept = kept

    def Export(self, request: ExportTraceServiceRequest, _context: object) -> ExportTraceServiceResponse:  # noqa: N802  # gRPC's name
        self._kept.append(request)
        return ExportTraceServiceResponse()


class _Metrics(MetricsServiceServicer):
    def __init__(self, kept: list[ExportMetricsServiceRequest]) -> None:
        self._kept = kept

    def Export(self, request: ExportMetricsServiceRequest, _context: object) -> ExportMetricsServiceResponse:  # noqa: N802  # gRPC's name
        self._kept.append(request)
        return ExportMetricsServiceResponse()


def _sent(span: Span, resource: dict[str, Any]) -> SentSpan:
    return SentSpan(
        name=span.name,
        kind=_KINDS[span.kind],
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple(link.span_id.hex() for link in span.links),
        status={0: "UNSET", 1: "OK", 2: "ERROR"}[span.status.code],
        attributes=_plain(span.attributes),
        resource=resource,
    )


def _plain(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
