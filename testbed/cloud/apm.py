"""A double of APM: OTLP over gRPC, for traces only, with the token in the metadata `authentication`.

Source: Huawei Cloud, APM user guide, "Connecting with OpenTelemetry" (apm_07_0252, apm_08_0024). A service's name must
be `App.Component.Env`, with a sub-application or without.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.kept import Kept
from testbed.stub.behaviour import Fault, FaultKind
from testbed.stub.control import Controls

OPERATION = "spans"
_HOST = "127.0.0.1"
_LARGEST = 16 * 1024 * 1024
_SERVICE = re.compile(r"[A-Za-z][\w-]*(\.[A-Za-z][\w-]*){2,3}")
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
_RETRY_AFTER_S = 2

Context = grpc.aio.ServicerContext[ExportTraceServiceRequest, ExportTraceServiceResponse]


class Apm(TraceServiceServicer):
    """Takes spans on a port that can close and open again."""

    def __init__(self, controls: Controls, kept: Kept, port: int) -> None:
        self._controls = controls
        self._kept = kept
        self._arrivals = itertools.count()
        self._server: grpc.aio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None
        self.port = port

    @property
    def url(self) -> str:
        """Where it listens, as the collector's `endpoint` wants it."""
        return f"http://{_HOST}:{self.port}"

    async def open(self) -> None:
        """Listen; does nothing when open already."""
        if self._server is not None:
            return
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", _LARGEST), ("grpc.so_reuseport", 1)])
        add_TraceServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]  # generated code
        self.port = server.add_insecure_port(f"{_HOST}:{self.port}")
        await server.start()
        self._server = server

    async def shut(self, for_s: float | None = None) -> None:
        """Stop listening and break off what is under way; open again after `for_s` if given."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(None)
        if for_s is not None:
            self._reopening = asyncio.create_task(self._open_after(for_s))

    async def Export(  # noqa: N802  # the name is the protocol's
        self, request: ExportTraceServiceRequest, context: Context
    ) -> ExportTraceServiceResponse:
        """Take spans, or say why not."""
        await self._controls.stall.over()
        given = dict(context.invocation_metadata() or ())
        if given.get("authentication") != ACCOUNT.apm_token:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is wrong")
        key = str(next(self._arrivals))
        behaviour = self._controls.behaviour
        index = behaviour.fault_index(OPERATION, key) if behaviour.faults else None
        if index is not None:
            self._controls.behaviour = behaviour.spent(index)
            await _fail(behaviour.faults[index], context)
        await asyncio.sleep(behaviour.service_s(OPERATION, key))
        await self._take(request, context)
        return ExportTraceServiceResponse()

    async def _take(self, request: ExportTraceServiceRequest, context: Context) -> None:
        for resource in request.resource_spans:
            names = [one.value.string_value for one in resource.resource.attributes if one.key == "service.name"]
            if not names or not _SERVICE.fullmatch(names[0]):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"service.name {names} is no App.Component.Env")
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self._kept.spans.append(f"{span.trace_id.hex()} {span.span_id.hex()}")
                    if self._controls.behaviour.settings["keep_traces"]:
                        row = _row(span, resource.resource.attributes)
                        self._kept.traces.setdefault(span.trace_id.hex(), []).append(row)
        if self._controls.behaviour.settings["keep_texts"]:
            self._kept.span_texts.append(str(request))

    async def _open_after(self, for_s: float) -> None:
        await asyncio.sleep(for_s)
        with contextlib.suppress(asyncio.CancelledError):
            await self.open()


def _row(span: Span, of_process: Iterable[KeyValue]) -> dict[str, Any]:
    service = next((one.value.string_value for one in of_process if one.key == "service.name"), "")
    error = next((one.value.string_value for one in span.attributes if one.key == "error.type"), "")
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "service": service,
        "start_unix_ns": span.start_time_unix_nano,
        "end_unix_ns": span.end_time_unix_nano,
        "is_error": span.status.code == Status.STATUS_CODE_ERROR,
        "error": error,
    }


async def _fail(fault: Fault, context: Context) -> None:
    if fault.delay_s:
        await asyncio.sleep(fault.delay_s)
    if fault.kind is FaultKind.SLOW:
        return
    if fault.kind is FaultKind.STATUS and fault.status == 429:
        wait = RetryInfo(retry_delay=Duration(seconds=_RETRY_AFTER_S))
        status = RpcStatus(code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], message="set on purpose")
        status.details.add().Pack(wait)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    code = _CODES.get(fault.status, grpc.StatusCode.INTERNAL)
    await context.abort(code if fault.kind is FaultKind.STATUS else grpc.StatusCode.UNAVAILABLE, "set on purpose")
