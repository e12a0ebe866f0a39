"""Spans. Rendered from `otel/registry/` by `make render`, do not edit."""

from __future__ import annotations

from typing import Final

from letta_otel.conventions.kinds import Span

LETTA_BRIDGE_PROCESS: Final = Span(
    id="letta.bridge.process",
    name="process {messaging.destination.name}",
    kind="consumer",
    brief="One request, from its being taken until its reply has left. Child of the sender's span, and linked to it.",
    stability="development",
    attributes=(
        "messaging.system",
        "messaging.destination.name",
        "messaging.operation.name",
        "messaging.operation.type",
        "messaging.message.id",
        "messaging.message.body.size",
        "messaging.client.id",
        "letta.bridge.route",
        "letta.bridge.source",
        "letta.bridge.outcome",
        "letta.bridge.memory_type",
        "letta.bridge.queue_wait",
        "letta.bridge.redelivered",
        "letta.bridge.fallback.reason",
        "letta.legacy_trace_id",
        "gen_ai.agent.id",
        "error.type",
    ),
    required=("messaging.system", "messaging.destination.name", "messaging.operation.name", "messaging.operation.type"),
)
LETTA_BRIDGE_CALL: Final = Span(
    id="letta.bridge.call",
    name="{http.request.method} {url.template}",
    kind="client",
    brief="One call to Letta. Its `traceparent` goes along, so that what Letta does becomes its child.",
    stability="development",
    attributes=(
        "http.request.method",
        "url.template",
        "url.full",
        "server.address",
        "server.port",
        "http.response.status_code",
        "http.request.resend_count",
        "gen_ai.operation.name",
        "gen_ai.agent.id",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "error.type",
    ),
    required=("http.request.method", "url.template", "url.full", "server.address", "server.port"),
)
LETTA_BRIDGE_STAGE: Final = Span(
    id="letta.bridge.stage",
    name="{letta.bridge.stage}",
    kind="internal",
    brief="A stage of a request that is no call to Letta, and took a millisecond or more.",
    stability="development",
    attributes=("letta.bridge.stage", "letta.bridge.fallback.reason", "error.type"),
    required=("letta.bridge.stage",),
)
LETTA_BRIDGE_SEND: Final = Span(
    id="letta.bridge.send",
    name="send {messaging.destination.name}",
    kind="producer",
    brief="A message that is given to Redis; its context goes along in `meta`.",
    stability="development",
    attributes=(
        "messaging.system",
        "messaging.destination.name",
        "messaging.operation.name",
        "messaging.operation.type",
        "messaging.message.id",
        "messaging.message.body.size",
        "messaging.client.id",
        "letta.bridge.listeners",
        "error.type",
    ),
    required=("messaging.system", "messaging.destination.name", "messaging.operation.name", "messaging.operation.type"),
)
LETTA_SERVER_REQUEST: Final = Span(
    id="letta.server.request",
    name="{http.request.method} {http.route}",
    kind="server",
    brief="One request to Letta, until the last byte of its answer; a child of the caller's span.",
    stability="stable",
    attributes=(
        "http.request.method",
        "http.route",
        "url.path",
        "url.scheme",
        "http.response.status_code",
        "gen_ai.agent.id",
        "error.type",
    ),
    required=("http.request.method", "http.route", "url.path", "url.scheme"),
)
LETTA_MODEL_CALL: Final = Span(
    id="letta.model.call",
    name="{gen_ai.operation.name} {gen_ai.request.model}",
    kind="client",
    brief="One call of Letta to a model.",
    stability="development",
    attributes=(
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.agent.id",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "letta.step.id",
        "error.type",
    ),
    required=("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"),
)
LETTA_DB_STATEMENT: Final = Span(
    id="letta.db.statement",
    name="{db.operation.name} {db.system.name}",
    kind="client",
    brief="One statement to PostgreSQL that took 5 ms or more; its text stays out.",
    stability="stable",
    attributes=("db.operation.name", "db.system.name", "db.collection.name", "letta.db.is_vector_search", "error.type"),
    required=("db.operation.name", "db.system.name", "letta.db.is_vector_search"),
)

ALL: Final[dict[str, Span]] = {
    LETTA_BRIDGE_PROCESS.id: LETTA_BRIDGE_PROCESS,
    LETTA_BRIDGE_CALL.id: LETTA_BRIDGE_CALL,
    LETTA_BRIDGE_STAGE.id: LETTA_BRIDGE_STAGE,
    LETTA_BRIDGE_SEND.id: LETTA_BRIDGE_SEND,
    LETTA_SERVER_REQUEST.id: LETTA_SERVER_REQUEST,
    LETTA_MODEL_CALL.id: LETTA_MODEL_CALL,
    LETTA_DB_STATEMENT.id: LETTA_DB_STATEMENT,
}
