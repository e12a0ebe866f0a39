"""How is a span written to APM, and found again?

Source: Huawei Cloud, APM user guide, "Connecting with OpenTelemetry" (apm_07_0252), and the API `ShowSpanSearch` of its
SDK. Whether that search knows a trace by its W3C id is one of the things to be found out.
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime, timedelta, timezone
from typing import Final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from huawei.account import Account
from huawei.errors import RefusedError, UnreachableError
from huawei.http import ask, json_of

_TIMEOUT_S: Final = 10.0
_UNANSWERED: Final = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
_CHINA: Final = timezone(timedelta(hours=8))  # the search takes times of day without a zone; its console shows China's
_AROUND: Final = timedelta(hours=12)  # so wide that it holds whichever zone is meant


def send_span(account: Account, trace_id: bytes, *, token: str | None = None) -> None:
    """Write one span of one trace (16 bytes), with the account's token or another; raises as `http.ask` does."""
    now_ns = time.time_ns()
    span = Span(
        trace_id=trace_id,
        span_id=secrets.token_bytes(8),
        name="doctor",
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=now_ns - 1_000_000,
        end_time_unix_nano=now_ns,
    )
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value=account.apm_service)))
    resource.scope_spans.add().spans.append(span)
    address = account["APM_ENDPOINT"].removeprefix("http://").rstrip("/")
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        metadata = (("authentication", account["APM_TOKEN"] if token is None else token),)
        try:
            TraceServiceStub(channel).Export(request, metadata=metadata, timeout=_TIMEOUT_S)  # type: ignore[no-untyped-call]
        except grpc.RpcError as error:
            said = f"{address}: {error.code().name}: {error.details()}"
            raise (UnreachableError if error.code() in _UNANSWERED else RefusedError)(said) from error


def has_trace(account: Account, iam_token: str, trace_id: bytes) -> bool:
    """Whether the search for spans finds a trace by its W3C id; raises as `http.ask` does, and CloudError."""
    now = datetime.now(_CHINA)
    body = {
        "region": account["APM_REGION"],
        "biz_id": int(account["APM_BUSINESS_ID"]),
        "trace_id": trace_id.hex(),
        "start_time_string": f"{now - _AROUND:%Y-%m-%d %H:%M:%S}",
        "end_time_string": f"{now + _AROUND:%Y-%m-%d %H:%M:%S}",
        "page": 1,
        "page_size": 15,
        "codes": [],
    }
    url = f"{account['APM_QUERY_ENDPOINT'].rstrip('/')}/v1/apm2/openapi/view/trace/span-search"
    headers = {"x-auth-token": iam_token, "x-business-id": account["APM_BUSINESS_ID"]}
    found = json_of(ask("POST", url, json=body, headers=headers))
    spans = found.get("span_info_list") if isinstance(found, dict) else None
    return bool(spans)
