"""Names of attributes. Rendered from `otel/registry/` by `make render`, do not edit."""

from __future__ import annotations

from typing import Final

from letta_otel.conventions.kinds import Attribute

LETTA_BRIDGE_ROUTE: Final = "letta.bridge.route"
LETTA_BRIDGE_SOURCE: Final = "letta.bridge.source"
LETTA_BRIDGE_OUTCOME: Final = "letta.bridge.outcome"
LETTA_BRIDGE_FALLBACK_REASON: Final = "letta.bridge.fallback.reason"
LETTA_BRIDGE_MEMORY_TYPE: Final = "letta.bridge.memory_type"
LETTA_BRIDGE_STAGE: Final = "letta.bridge.stage"
LETTA_BRIDGE_REDELIVERED: Final = "letta.bridge.redelivered"
LETTA_BRIDGE_QUEUE_WAIT: Final = "letta.bridge.queue_wait"
LETTA_BRIDGE_LISTENERS: Final = "letta.bridge.listeners"
LETTA_BRIDGE_CIRCUIT: Final = "letta.bridge.circuit"
LETTA_LEGACY_TRACE_ID: Final = "letta.legacy_trace_id"
LETTA_BRIDGE_REASON: Final = "letta.bridge.reason"
LETTA_BRIDGE_ENTRIES: Final = "letta.bridge.entries"
LETTA_BRIDGE_FROM_INSTANCE: Final = "letta.bridge.from_instance"
SERVICE_NAME: Final = "service.name"
SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
DEPLOYMENT_ENVIRONMENT_NAME: Final = "deployment.environment.name"
HOST_NAME: Final = "host.name"
PROCESS_PID: Final = "process.pid"
TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
TELEMETRY_SDK_LANGUAGE: Final = "telemetry.sdk.language"
TELEMETRY_SDK_VERSION: Final = "telemetry.sdk.version"
K8S_NAMESPACE_NAME: Final = "k8s.namespace.name"
K8S_POD_NAME: Final = "k8s.pod.name"
K8S_NODE_NAME: Final = "k8s.node.name"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
MESSAGING_MESSAGE_BODY_SIZE: Final = "messaging.message.body.size"
MESSAGING_CLIENT_ID: Final = "messaging.client.id"
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
URL_TEMPLATE: Final = "url.template"
URL_FULL: Final = "url.full"
URL_PATH: Final = "url.path"
URL_SCHEME: Final = "url.scheme"
DB_SYSTEM_NAME: Final = "db.system.name"
DB_OPERATION_NAME: Final = "db.operation.name"
DB_COLLECTION_NAME: Final = "db.collection.name"
DB_CLIENT_CONNECTION_POOL_NAME: Final = "db.client.connection.pool.name"
DB_CLIENT_CONNECTION_STATE: Final = "db.client.connection.state"
OTEL_COMPONENT_NAME: Final = "otel.component.name"
OTEL_COMPONENT_TYPE: Final = "otel.component.type"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"
GEN_AI_AGENT_ID: Final = "gen_ai.agent.id"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
LETTA_STEP_ID: Final = "letta.step.id"
LETTA_DB_IS_VECTOR_SEARCH: Final = "letta.db.is_vector_search"

ALL: Final[dict[str, Attribute]] = {
    LETTA_BRIDGE_ROUTE: Attribute(
        name="letta.bridge.route",
        type="string",
        brief="Who was to answer.",
        stability="development",
        values=("letta", "memory-python", "none"),
        is_bounded=True,
    ),
    LETTA_BRIDGE_SOURCE: Attribute(
        name="letta.bridge.source",
        type="string",
        brief="Who answered.",
        stability="development",
        values=("letta", "memory-python", "none"),
        is_bounded=True,
    ),
    LETTA_BRIDGE_OUTCOME: Attribute(
        name="letta.bridge.outcome",
        type="string",
        brief="What the reply says.",
        stability="development",
        values=("success", "error", "duplicate"),
        is_bounded=True,
    ),
    LETTA_BRIDGE_FALLBACK_REASON: Attribute(
        name="letta.bridge.fallback.reason",
        type="string",
        brief="Why memory-python was asked in the place of Letta, a word of the bridge's own.",
        stability="development",
        is_bounded=True,
    ),
    LETTA_BRIDGE_MEMORY_TYPE: Attribute(
        name="letta.bridge.memory_type",
        type="string",
        brief="The request's `meta.memory_type`, where it is one that is routed.",
        stability="development",
        is_bounded=True,
    ),
    LETTA_BRIDGE_STAGE: Attribute(
        name="letta.bridge.stage",
        type="string",
        brief="Where the time of a request went.",
        stability="development",
        values=("agent_wait", "agent_lookup", "letta_call", "retry_wait", "fallback"),
        is_bounded=True,
    ),
    LETTA_BRIDGE_REDELIVERED: Attribute(
        name="letta.bridge.redelivered",
        type="boolean",
        brief="Another bridge had this request in hand before.",
        stability="development",
        is_bounded=True,
    ),
    LETTA_BRIDGE_QUEUE_WAIT: Attribute(
        name="letta.bridge.queue_wait",
        type="double",
        brief="Seconds from the request's timestamp until it was taken; absent where the timestamp says nothing.",
        stability="development",
    ),
    LETTA_BRIDGE_LISTENERS: Attribute(
        name="letta.bridge.listeners",
        type="int",
        brief="How many heard the reply.",
        stability="development",
    ),
    LETTA_BRIDGE_CIRCUIT: Attribute(
        name="letta.bridge.circuit",
        type="string",
        brief="Which circuit breaker.",
        stability="development",
        values=("letta", "memory-python"),
        is_bounded=True,
    ),
    LETTA_LEGACY_TRACE_ID: Attribute(
        name="letta.legacy_trace_id",
        type="string",
        brief="The request's `meta.trace_id` from before traces went through messages.",
        stability="development",
    ),
    LETTA_BRIDGE_REASON: Attribute(
        name="letta.bridge.reason",
        type="string",
        brief="Why an entry was refused, in words of the bridge's own that hold nothing of the entry.",
        stability="development",
    ),
    LETTA_BRIDGE_ENTRIES: Attribute(
        name="letta.bridge.entries",
        type="int",
        brief="How many entries something was done with.",
        stability="development",
    ),
    LETTA_BRIDGE_FROM_INSTANCE: Attribute(
        name="letta.bridge.from_instance",
        type="string",
        brief="The bridge whose entries were put back.",
        stability="development",
    ),
    SERVICE_NAME: Attribute(
        name="service.name",
        type="string",
        brief="Name of the service, the same for all of its instances.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    SERVICE_NAMESPACE: Attribute(
        name="service.namespace",
        type="string",
        brief="What the service belongs to.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    SERVICE_VERSION: Attribute(
        name="service.version",
        type="string",
        brief="Version of the service.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    SERVICE_INSTANCE_ID: Attribute(
        name="service.instance.id",
        type="string",
        brief="One process of the service; another one after a fork.",
        stability="stable",
        semconv="1.44.0",
    ),
    DEPLOYMENT_ENVIRONMENT_NAME: Attribute(
        name="deployment.environment.name",
        type="string",
        brief="Where the service is deployed.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("deployment.environment",),
    ),
    HOST_NAME: Attribute(
        name="host.name",
        type="string",
        brief="Name of the machine, in a container that of the pod.",
        stability="development",
        semconv="1.44.0",
    ),
    PROCESS_PID: Attribute(
        name="process.pid",
        type="int",
        brief="Number of the process.",
        stability="development",
        semconv="1.44.0",
    ),
    TELEMETRY_SDK_NAME: Attribute(
        name="telemetry.sdk.name",
        type="string",
        brief="The SDK.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    TELEMETRY_SDK_LANGUAGE: Attribute(
        name="telemetry.sdk.language",
        type="string",
        brief="The language of the SDK.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    TELEMETRY_SDK_VERSION: Attribute(
        name="telemetry.sdk.version",
        type="string",
        brief="The version of the SDK.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    K8S_NAMESPACE_NAME: Attribute(
        name="k8s.namespace.name",
        type="string",
        brief="Namespace of the pod.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    K8S_POD_NAME: Attribute(
        name="k8s.pod.name",
        type="string",
        brief="Name of the pod.",
        stability="stable",
        semconv="1.44.0",
    ),
    K8S_NODE_NAME: Attribute(
        name="k8s.node.name",
        type="string",
        brief="Name of the node.",
        stability="stable",
        semconv="1.44.0",
    ),
    ERROR_TYPE: Attribute(
        name="error.type",
        type="string",
        brief="Class of the error; absent where there was none.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    EXCEPTION_TYPE: Attribute(
        name="exception.type",
        type="string",
        brief="Class of the exception.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    EXCEPTION_MESSAGE: Attribute(
        name="exception.message",
        type="string",
        brief="What the exception says; ours never hold the content of a message.",
        stability="stable",
        semconv="1.44.0",
    ),
    EXCEPTION_STACKTRACE: Attribute(
        name="exception.stacktrace",
        type="string",
        brief="Where the exception was raised.",
        stability="stable",
        semconv="1.44.0",
    ),
    MESSAGING_SYSTEM: Attribute(
        name="messaging.system",
        type="string",
        brief="Always `redis`; the conventions know no such value, and allow one of one's own.",
        stability="development",
        semconv="1.44.0",
        is_bounded=True,
    ),
    MESSAGING_DESTINATION_NAME: Attribute(
        name="messaging.destination.name",
        type="string",
        brief="The list or channel.",
        stability="development",
        semconv="1.44.0",
        is_bounded=True,
    ),
    MESSAGING_OPERATION_NAME: Attribute(
        name="messaging.operation.name",
        type="string",
        brief="What was done, in the words of the messaging system.",
        stability="development",
        semconv="1.44.0",
        is_bounded=True,
    ),
    MESSAGING_OPERATION_TYPE: Attribute(
        name="messaging.operation.type",
        type="string",
        brief="What was done, in the words of the conventions.",
        stability="development",
        semconv="1.44.0",
        values=("create", "send", "receive", "process", "settle"),
        is_bounded=True,
        was=("messaging.operation",),
    ),
    MESSAGING_MESSAGE_ID: Attribute(
        name="messaging.message.id",
        type="string",
        brief="The request's `task_id`.",
        stability="development",
        semconv="1.44.0",
    ),
    MESSAGING_MESSAGE_BODY_SIZE: Attribute(
        name="messaging.message.body.size",
        type="int",
        brief="Size of the message in bytes.",
        stability="development",
        semconv="1.44.0",
    ),
    MESSAGING_CLIENT_ID: Attribute(
        name="messaging.client.id",
        type="string",
        brief="Name of the bridge among bridges.",
        stability="development",
        semconv="1.44.0",
    ),
    HTTP_REQUEST_METHOD: Attribute(
        name="http.request.method",
        type="string",
        brief="The method.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("http.method",),
    ),
    HTTP_ROUTE: Attribute(
        name="http.route",
        type="string",
        brief="The route that the server matched, `_OTHER` where it matched none.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
    ),
    HTTP_RESPONSE_STATUS_CODE: Attribute(
        name="http.response.status_code",
        type="int",
        brief="The status; absent where no answer began.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("http.status_code",),
    ),
    HTTP_REQUEST_RESEND_COUNT: Attribute(
        name="http.request.resend_count",
        type="int",
        brief="How many calls for the same request came before this one; absent on the first.",
        stability="stable",
        semconv="1.44.0",
    ),
    SERVER_ADDRESS: Attribute(
        name="server.address",
        type="string",
        brief="The host that was called.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("net.peer.name", "net.host.name"),
    ),
    SERVER_PORT: Attribute(
        name="server.port",
        type="int",
        brief="The port that was called.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("net.peer.port", "net.host.port"),
    ),
    URL_TEMPLATE: Attribute(
        name="url.template",
        type="string",
        brief="The path with names in the place of ids.",
        stability="development",
        semconv="1.44.0",
        is_bounded=True,
    ),
    URL_FULL: Attribute(
        name="url.full",
        type="string",
        brief="The address that was called, without user and password.",
        stability="stable",
        semconv="1.44.0",
        was=("http.url",),
    ),
    URL_PATH: Attribute(
        name="url.path",
        type="string",
        brief="The path that was asked for.",
        stability="stable",
        semconv="1.44.0",
        was=("http.target",),
    ),
    URL_SCHEME: Attribute(
        name="url.scheme",
        type="string",
        brief="How it was asked for.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("http.scheme",),
    ),
    DB_SYSTEM_NAME: Attribute(
        name="db.system.name",
        type="string",
        brief="The database.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("db.system",),
    ),
    DB_OPERATION_NAME: Attribute(
        name="db.operation.name",
        type="string",
        brief="The command.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("db.operation",),
    ),
    DB_COLLECTION_NAME: Attribute(
        name="db.collection.name",
        type="string",
        brief="The table that a statement begins with; absent where it names none.",
        stability="stable",
        semconv="1.44.0",
        is_bounded=True,
        was=("db.sql.table",),
    ),
    DB_CLIENT_CONNECTION_POOL_NAME: Attribute(
        name="db.client.connection.pool.name",
        type="string",
        brief="The pool of connections.",
        stability="development",
        semconv="1.44.0",
        is_bounded=True,
        was=("pool.name",),
    ),
    DB_CLIENT_CONNECTION_STATE: Attribute(
        name="db.client.connection.state",
        type="string",
        brief="Whether somebody has the connection.",
        stability="development",
        semconv="1.44.0",
        values=("idle", "used"),
        is_bounded=True,
    ),
    OTEL_COMPONENT_NAME: Attribute(
        name="otel.component.name",
        type="string",
        brief="One processor or exporter of a process.",
        stability="development",
        semconv="1.44.0",
        is_bounded=True,
    ),
    OTEL_COMPONENT_TYPE: Attribute(
        name="otel.component.type",
        type="string",
        brief="Kind of the processor or exporter.",
        stability="development",
        semconv="1.44.0",
        is_bounded=True,
    ),
    GEN_AI_OPERATION_NAME: Attribute(
        name="gen_ai.operation.name",
        type="string",
        brief="What the agent or the model is asked to do.",
        stability="development",
        semconv="genai",
        is_bounded=True,
    ),
    GEN_AI_PROVIDER_NAME: Attribute(
        name="gen_ai.provider.name",
        type="string",
        brief="Who serves the model.",
        stability="development",
        semconv="genai",
        is_bounded=True,
        was=("gen_ai.system",),
    ),
    GEN_AI_REQUEST_MODEL: Attribute(
        name="gen_ai.request.model",
        type="string",
        brief="The model that was asked.",
        stability="development",
        semconv="genai",
        is_bounded=True,
    ),
    GEN_AI_TOKEN_TYPE: Attribute(
        name="gen_ai.token.type",
        type="string",
        brief="Who wrote the tokens.",
        stability="development",
        semconv="genai",
        values=("input", "output"),
        is_bounded=True,
    ),
    GEN_AI_AGENT_ID: Attribute(
        name="gen_ai.agent.id",
        type="string",
        brief="Letta's agent.",
        stability="development",
        semconv="genai",
    ),
    GEN_AI_USAGE_INPUT_TOKENS: Attribute(
        name="gen_ai.usage.input_tokens",
        type="int",
        brief="Tokens that the model read, as Letta's answer says.",
        stability="development",
        semconv="genai",
        was=("gen_ai.usage.prompt_tokens",),
    ),
    GEN_AI_USAGE_OUTPUT_TOKENS: Attribute(
        name="gen_ai.usage.output_tokens",
        type="int",
        brief="Tokens that the model wrote, as Letta's answer says.",
        stability="development",
        semconv="genai",
        was=("gen_ai.usage.completion_tokens",),
    ),
    LETTA_STEP_ID: Attribute(
        name="letta.step.id",
        type="string",
        brief="One step of an agent, by which Letta's API tells more of it.",
        stability="development",
    ),
    LETTA_DB_IS_VECTOR_SEARCH: Attribute(
        name="letta.db.is_vector_search",
        type="boolean",
        brief="The statement orders by the distance between vectors.",
        stability="development",
        is_bounded=True,
    ),
}
