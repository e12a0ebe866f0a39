"""How long does a healthy stub take for each operation, unless told otherwise?"""

from __future__ import annotations

from testbed.stub.behaviour import Behaviour, Operations, ServiceTime

MESSAGE_OPERATIONS = frozenset({"messages", "stream", "async", "conversation_messages"})

OPERATIONS = Operations(
    names=(
        "health",
        "models",
        "create_agent",
        "list_agents",
        "count_agents",
        "get_agent",
        "modify_agent",
        "delete_agent",
        "messages",
        "stream",
        "async",
        "list_messages",
        "blocks",
        "patch_block",
        "create_block",
        "list_blocks",
        "list_archives",
        "delete_archive",
        "list_tags",
        "delete_block",
        "archival_insert",
        "archival_list",
        "archival_search",
        "archival_delete",
        "create_conversation",
        "list_conversations",
        "get_conversation",
        "conversation_messages",
        "list_conversation_messages",
        "get_run",
        "run_metrics",
        "step_metrics",
    ),
    streaming=("stream", "conversation_messages"),
    timings=("stream_token", "tool"),
)

# A sigma of 0.4 puts p95 at 1.93 times the median, and p99 at 2.54 times: a healthy service with an ordinary tail.
_TAIL = 0.4

_SERVICE_TIMES = {
    # p95 = 676 ms and p99 = 888 ms: keeps "95 % of messages under 2 s" with room for a queue before it.
    "messages": ServiceTime(350, _TAIL),
    "async": ServiceTime(10, _TAIL),  # until the run is noted; its work then takes the time of "messages"
    # Until the first token; the usual figure for a small hosted model.
    "stream": ServiceTime(150, _TAIL),
    "conversation_messages": ServiceTime(150, _TAIL),
    # 100 tokens a second, constant: what a hosted small model gives one reader.
    "stream_token": ServiceTime(10),
    # A tool turn of the real server spent 239 ms in its tool; block edits in memory are far quicker.
    "tool": ServiceTime(20, _TAIL),
    "health": ServiceTime(2),  # the real one: 1.8 ms, and it touches neither database nor model
    # One or a few indexed reads or writes: 2 to 20 ms when the database is not the bottleneck.
    "models": ServiceTime(5, _TAIL),
    "create_agent": ServiceTime(20, _TAIL),
    "delete_agent": ServiceTime(15, _TAIL),
    "modify_agent": ServiceTime(15, _TAIL),
    "list_agents": ServiceTime(15, _TAIL),
    "archival_insert": ServiceTime(20, _TAIL),
    "archival_search": ServiceTime(20, _TAIL),
    "patch_block": ServiceTime(10, _TAIL),
    "*": ServiceTime(5, _TAIL),
}

# With a model server behind it, the stub spends only Letta's own part; the model's part is the model server's.
_WITH_MODEL_SERVER = {
    "messages": ServiceTime(40, _TAIL),
    "stream": ServiceTime(20, _TAIL),
    "conversation_messages": ServiceTime(20, _TAIL),
    "stream_token": ServiceTime(0),
}

SETTINGS = {
    "reply_tokens": 24.0,  # short, since each token of a stream is an event; 300 is what the source documents assume
    "ping_interval_s": 50.0,  # LETTA_KEEPALIVE_INTERVAL
    # The OpenAI client's own default: Letta 0.16.4 passes LETTA_LLM_REQUEST_TIMEOUT_SECONDS to Google's clients only.
    "llm_timeout_s": 600.0,
    "servers": 0.0,  # how many requests are worked on at once, the others wait in line; 0 is no limit
    "llm_retries": 2.0,  # what Letta's OpenAI client does before it gives up
}


def default_behaviour(*, with_model_server: bool) -> Behaviour:
    """Return the behaviour of a healthy stub."""
    times = {**_SERVICE_TIMES, **(_WITH_MODEL_SERVER if with_model_server else {})}
    return Behaviour(service_times=times, settings=SETTINGS)
