"""Which settings does the bridge have?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from testbed.bridge.setting_kinds import (
    ADDRESS,
    BOOLEAN,
    NAME,
    NAMES,
    ROUTING,
    TEXT,
    Kind,
    seconds,
    whole,
    whole_seconds,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    `default` is text and read as the environment's would be. `file_key` is the key below `letta` in the configuration
    file, for the switches that have one.
    """

    field: str
    env: str
    kind: Kind
    default: str
    sentence: str
    file_key: str | None = None


PREFIX: Final = "LETTA_BRIDGE_"

TABLE: Final[tuple[Setting, ...]] = (
    Setting("redis_host", "REDIS_HOST", NAME, "127.0.0.1", "Host of Redis (6.2 or newer)."),
    Setting("redis_port", "REDIS_PORT", whole(1, 65535), "6379", "Port of Redis."),
    Setting("redis_password", "REDIS_PASSWORD", TEXT, "", "Password of Redis; none is sent when empty."),
    Setting("letta_api_url", "LETTA_API_URL", ADDRESS, "http://127.0.0.1:8283", "Address of Letta."),
    Setting("letta_api_key", "LETTA_API_KEY", TEXT, "", "Bearer token for Letta; none is sent when empty."),
    Setting(
        "letta_model",
        "LETTA_MODEL",
        NAME,
        "gpt-4",
        "Model of the agents that the bridge creates, as `provider/name`; a bare name means `openai/` and the name.",
    ),
    Setting(
        "letta_memory_backend",
        "LETTA_MEMORY_BACKEND",
        NAME,
        "postgresql",
        "Recorded on the agents that the bridge creates; the store itself is chosen where Letta runs.",
    ),
    Setting(
        "letta_timeout_s",
        "LETTA_TIMEOUT",
        seconds(0.01, 600),
        "30",
        "Longest wait for a single message call to Letta; the total deadline usually ends it earlier.",
    ),
    Setting(
        "letta_attempts",
        "LETTA_RETRY_ATTEMPTS",
        whole(1, 10),
        "3",
        "Most calls to Letta for one request, the first one included.",
    ),
    Setting(
        "letta_enabled",
        f"{PREFIX}LETTA_ENABLED",
        BOOLEAN,
        "true",
        "Whether Letta is asked at all; when not, everything takes the way of the fallback.",
        file_key="enabled",
    ),
    Setting(
        "fallback_to_memory",
        f"{PREFIX}FALLBACK_TO_MEMORY",
        BOOLEAN,
        "true",
        "Whether memory-python answers for a Letta that cannot; when not, the reply is an error.",
        file_key="fallback_to_memory",
    ),
    Setting(
        "memory_type_routing",
        f"{PREFIX}MEMORY_TYPE_ROUTING",
        ROUTING,
        "permanent=letta,temporary=memory-python",
        "Who answers which `meta.memory_type`; a request without one counts as `permanent`.",
        file_key="memory_type_routing",
    ),
    Setting(
        "deadline_s",
        f"{PREFIX}DEADLINE_S",
        seconds(0.05, 60),
        "1.5",
        "Age of a request until which Letta is asked, retries and waits included.",
    ),
    Setting(
        "fallback_budget_s",
        f"{PREFIX}FALLBACK_BUDGET_S",
        seconds(0.01, 60),
        "0.4",
        "Time kept after the deadline for the answer of memory-python; also what a late request gets.",
    ),
    Setting(
        "retry_base_s",
        f"{PREFIX}RETRY_BASE_S",
        seconds(0.001, 10),
        "0.1",
        "Longest pause before the first retry; it doubles for each further one, and chance picks within it.",
    ),
    Setting(
        "max_concurrency",
        f"{PREFIX}MAX_CONCURRENCY",
        whole(1, 5000),
        "1000",
        "Most requests in hand at a time; the others wait in Redis. Rate × response time are in hand on average.",
    ),
    Setting(
        "breaker_failures",
        f"{PREFIX}BREAKER_FAILURES",
        whole(1, 1000),
        "5",
        "Failures of Letta in a row that open its circuit breaker.",
    ),
    Setting(
        "breaker_open_s",
        f"{PREFIX}BREAKER_OPEN_S",
        seconds(0.05, 60),
        "1.0",
        "Time between two trial requests while a circuit breaker is open.",
    ),
    Setting(
        "fallback_breaker_failures",
        f"{PREFIX}FALLBACK_BREAKER_FAILURES",
        whole(1, 1000),
        "20",
        "Unanswered fallbacks in a row after which memory-python counts as absent and is only tried now and then.",
    ),
    Setting(
        "instance_id",
        f"{PREFIX}INSTANCE_ID",
        TEXT,
        "",
        "Name of this process among bridges, never shared; when empty, host, process id and chance make one.",
    ),
    Setting(
        "lease_s",
        f"{PREFIX}LEASE_S",
        seconds(0.5, 300),
        "3",
        "Silence after which a bridge counts as dead and its requests go back to the list.",
    ),
    Setting(
        "max_deliveries",
        f"{PREFIX}MAX_DELIVERIES",
        whole(1, 100),
        "3",
        "Bridges that may die over a request before it is put aside as a dead letter.",
    ),
    Setting(
        "done_ttl_s",
        f"{PREFIX}DONE_TTL_S",
        whole_seconds(5, 604_800),
        "900",
        "How long an answered task_id is remembered, so that it is not answered twice.",
    ),
    Setting(
        "dead_letter_limit",
        f"{PREFIX}DEAD_LETTER_LIMIT",
        whole(1, 1_000_000),
        "10000",
        "Longest that the list of dead letters may grow; the oldest go first.",
    ),
    Setting(
        "session_ttl_s",
        f"{PREFIX}SESSION_TTL_S",
        whole_seconds(0, 31_536_000),
        "86400",
        "Idle time after which the agent of one user is forgotten; 0 keeps it for good.",
    ),
    Setting(
        "embedding",
        f"{PREFIX}EMBEDDING",
        NAME,
        "openai/text-embedding-3-small",
        "Embedding model of the agents that the bridge creates, as `provider/name`.",
    ),
    Setting(
        "agent_tags",
        f"{PREFIX}AGENT_TAGS",
        NAMES,
        "",
        "Tags of the agents that the bridge creates, so that a test run can find and remove them.",
    ),
    Setting(
        "agent_creation_timeout_s",
        f"{PREFIX}AGENT_CREATION_TIMEOUT_S",
        seconds(0.1, 600),
        "30",
        "Longest wait for the creation of an agent; it goes on when the request that asked for it is out of time.",
    ),
    Setting(
        "max_creations",
        f"{PREFIX}MAX_CREATIONS",
        whole(1, 1000),
        "8",
        "Most agents being created at a time.",
    ),
)
