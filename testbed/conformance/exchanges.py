"""Which requests, good and bad, does the suite ever send to a Letta? In an order in which each finds what it needs.

Those of ERRORS_OF_MODELS need a model server that fails on command.
"""

from __future__ import annotations

from collections.abc import Sequence

from testbed.conformance.exchange import Exchange, Fault, Json

_UUID = "00000000-0000-4000-8000-000000000001"
_NO_AGENT = {"agent_id": f"agent-{_UUID}"}
_NO_CONVERSATION = {"conversation_id": f"conv-{_UUID}"}

_AGENTS, _AGENT = "/v1/agents/", "/v1/agents/{agent_id}"
_MESSAGES, _STREAM = f"{_AGENT}/messages", f"{_AGENT}/messages/stream"
_BLOCKS, _BLOCK = f"{_AGENT}/core-memory/blocks", f"{_AGENT}/core-memory/blocks/{{block_label}}"
_MEMORY, _SEARCH = f"{_AGENT}/archival-memory", f"{_AGENT}/archival-memory/search"
_PASSAGE = f"{_AGENT}/archival-memory/{{memory_id}}"
_CONVERSATIONS, _CONVERSATION = "/v1/conversations/", "/v1/conversations/{conversation_id}"
_TALK = f"{_CONVERSATION}/messages"
_TAGGED = "tags={tag}&match_all_tags=true&limit=50"

_HELLO: Json = {"messages": [{"role": "user", "content": "How was the walk by the river?"}]}
_TOOL: Json = {"messages": [{"role": "user", "content": "Note this. [tool:memory_insert]"}]}
_TOKENS: Json = {"stream_tokens": True, "include_pings": True}
_HUMAN: Json = {"label": "human", "value": "The user walks by the river.", "tags": ["{tag}"]}
_PERSONA: Json = {"label": "persona", "value": "I am patient and answer in a sentence.", "tags": ["{tag}"]}
_NEW_AGENT: Json = {
    "name": "{tag}",
    "model": "{model}",
    "embedding": "{embedding}",
    "tags": ["{tag}"],
    "include_base_tools": True,
    "memory_blocks": [_HUMAN, _PERSONA],
}

_COUNT = f"{_AGENTS}count"
_WITH_HISTORY: Json = {
    **_NEW_AGENT,
    "metadata": {"made": "once"},
    "initial_message_sequence": [{"role": "user", "content": f"Story {number}."} for number in (1, 2)],
}
_THE_ONE = {"agent_id": "{history_id}"}

PATHS = (
    Exchange("health", "GET", "/v1/health/"),
    Exchange("health-without-slash", "GET", "/v1/health"),
    Exchange("health-by-post", "POST", "/v1/health/"),
    Exchange("health-by-head", "HEAD", "/v1/health/"),
    Exchange("unknown-path", "GET", "/v1/nope"),
    Exchange("models", "GET", "/v1/models/"),
)

AGENTS = (
    Exchange("tags-none", "GET", "/v1/tags/", "query_text={tag}&limit=1000"),
    Exchange("agents-none", "GET", _AGENTS, _TAGGED),
    Exchange("agent-create", "POST", _AGENTS, body=_NEW_AGENT, keep={"agent_id": "id"}),
    Exchange(
        "agent-create-plain", "POST", _AGENTS, body={"model": "{model}", "tags": ["{tag}"]}, keep={"plain_id": "id"}
    ),
    Exchange("agent-create-unknown-model", "POST", _AGENTS, body={**_NEW_AGENT, "model": "nope/none"}),
    Exchange("agent-create-unknown-embedding", "POST", _AGENTS, body={**_NEW_AGENT, "embedding": "nope/none"}),
    Exchange("agent-create-no-model", "POST", _AGENTS, body={"name": "nobody", "tags": ["{tag}"]}),
    Exchange("agent-create-no-body", "POST", _AGENTS),
    Exchange("agent-create-no-json", "POST", _AGENTS, raw_body=b'{"name": '),
    Exchange("agent-create-list", "POST", _AGENTS, body=[]),
    Exchange("agent-create-wrong-type", "POST", _AGENTS, body={**_NEW_AGENT, "name": 7}),
    Exchange("agent-create-block-no-label", "POST", _AGENTS, body={**_NEW_AGENT, "memory_blocks": [{"value": "v"}]}),
    Exchange("agent-get", "GET", _AGENT),
    Exchange("agent-get-unknown", "GET", _AGENT, given=_NO_AGENT),
    Exchange("agent-get-bad-id", "GET", _AGENT, given={"agent_id": "bogus"}),
    Exchange("agents-by-tag", "GET", _AGENTS, _TAGGED),
    Exchange("agents-bad-limit", "GET", _AGENTS, "tags={tag}&limit=abc"),
    Exchange("tags", "GET", "/v1/tags/", "query_text={tag}&limit=1000"),
)

# Agents that are made once for many runs: with a history, listed page by page, and given their first context again.
FLEETS = (
    Exchange("agents-count", "GET", _COUNT, "tags={tag}&match_all_tags=true"),
    Exchange(
        "agent-create-history",
        "POST",
        _AGENTS,
        body=_WITH_HISTORY,
        keep={"history_id": "id", "system_id": "message_ids.0", "story_id": "message_ids.1"},
    ),
    Exchange("history-given", "GET", _MESSAGES, "limit=20", given=_THE_ONE),
    Exchange(
        "agents-first-page",
        "GET",
        _AGENTS,
        "tags={tag}&match_all_tags=true&limit=1&order=asc",
        keep={"first_id": "0.id"},
    ),
    Exchange("agents-next-page", "GET", _AGENTS, f"{_TAGGED}&order=asc&after={{first_id}}"),
    Exchange("agent-modify", "PATCH", _AGENT, given=_THE_ONE, body={"metadata": {"made": "twice"}}),
    Exchange("message-history", "POST", _MESSAGES, given=_THE_ONE, body=_HELLO),
    Exchange(
        "agent-modify-context", "PATCH", _AGENT, given=_THE_ONE, body={"message_ids": ["{system_id}", "{story_id}"]}
    ),
    Exchange("message-context", "POST", _MESSAGES, given=_THE_ONE, body=_HELLO),
    Exchange("agent-modify-nothing", "PATCH", _AGENT, given=_THE_ONE, body={}),
    Exchange("agent-modify-no-body", "PATCH", _AGENT, given=_THE_ONE),
    Exchange("agent-modify-wrong-type", "PATCH", _AGENT, given=_THE_ONE, body={"message_ids": 7}),
    Exchange("agent-modify-unknown", "PATCH", _AGENT, given=_NO_AGENT, body={"metadata": {}}),
    Exchange("agent-modify-bad-id", "PATCH", _AGENT, given={"agent_id": "bogus"}, body={"metadata": {}}),
    Exchange("archival-insert-history", "POST", _MEMORY, given=_THE_ONE, body={"text": "The river runs south."}),
    Exchange("archives-history", "GET", "/v1/archives/", "agent_id={history_id}", keep={"history_archive_id": "0.id"}),
    Exchange(
        "archive-delete-history", "DELETE", "/v1/archives/{archive_id}", given={"archive_id": "{history_archive_id}"}
    ),
    Exchange("archival-insert-anew", "POST", _MEMORY, given=_THE_ONE, body={"text": "The river runs north."}),
    Exchange("archival-list-anew", "GET", _MEMORY, given=_THE_ONE),
    Exchange("archives-anew", "GET", "/v1/archives/", "agent_id={history_id}", keep={"anew_archive_id": "0.id"}),
)

MEMORY = (
    Exchange("blocks-read", "GET", _BLOCKS),
    Exchange("blocks-read-unknown-agent", "GET", _BLOCKS, given=_NO_AGENT),
    Exchange("block-read-unknown-agent", "GET", _BLOCK, given={**_NO_AGENT, "block_label": "human"}),
    Exchange("block-read", "GET", _BLOCK, given={"block_label": "human"}),
    Exchange("block-read-unknown", "GET", _BLOCK, given={"block_label": "nope"}),
    Exchange("block-write", "PATCH", _BLOCK, given={"block_label": "human"}, body={"value": "The user likes tea."}),
    Exchange("block-write-unknown", "PATCH", _BLOCK, given={"block_label": "nope"}, body={"value": "tea"}),
    Exchange(
        "block-write-unknown-agent",
        "PATCH",
        _BLOCK,
        given={**_NO_AGENT, "block_label": "human"},
        body={"value": "tea"},
    ),
    Exchange("block-write-wrong-type", "PATCH", _BLOCK, given={"block_label": "human"}, body={"value": 7}),
    Exchange("block-write-no-body", "PATCH", _BLOCK, given={"block_label": "human"}),
    Exchange("archives-before-passage", "GET", "/v1/archives/", "agent_id={agent_id}"),
    Exchange("archival-search-none", "GET", _SEARCH, "query=river&top_k=5"),
    Exchange(
        "archival-insert",
        "POST",
        _MEMORY,
        body={"text": "The river runs south.", "tags": ["{tag}"]},
        keep={"memory_id": "0.id"},
    ),
    Exchange("archival-insert-no-text", "POST", _MEMORY, body={"tags": ["{tag}"]}),
    Exchange("archival-insert-wrong-type", "POST", _MEMORY, body={"text": ["river"]}),
    Exchange("archival-insert-unknown-agent", "POST", _MEMORY, given=_NO_AGENT, body={"text": "river"}),
    Exchange("archival-search", "GET", _SEARCH, "query=river&top_k=5"),
    Exchange("archival-search-no-query", "GET", _SEARCH),
    Exchange("archival-search-bad-top-k", "GET", _SEARCH, "query=river&top_k=many"),
    Exchange("archival-search-unknown-agent", "GET", _SEARCH, "query=river&top_k=5", given=_NO_AGENT),
    Exchange("archival-list", "GET", _MEMORY),
    Exchange("archival-list-unknown-agent", "GET", _MEMORY, given=_NO_AGENT),
    Exchange("archival-delete", "DELETE", _PASSAGE),
    Exchange("archival-delete-again", "DELETE", _PASSAGE),
    Exchange("archives-unknown-agent", "GET", "/v1/archives/", "agent_id={agent_id}", given=_NO_AGENT),
)

MESSAGES = (
    Exchange("history-new", "GET", _MESSAGES, "limit=20"),
    Exchange(
        "message", "POST", _MESSAGES, body=_HELLO, keep={"run_id": "messages.0.run_id", "step_id": "messages.0.step_id"}
    ),
    Exchange("message-input", "POST", _MESSAGES, body={"input": "And the way back?"}),
    Exchange("message-tool", "POST", _MESSAGES, body=_TOOL, is_scripted=True),
    Exchange("message-empty-list", "POST", _MESSAGES, body={"messages": []}),
    Exchange("message-no-input", "POST", _MESSAGES, body={}),
    Exchange("message-no-body", "POST", _MESSAGES),
    Exchange("message-both", "POST", _MESSAGES, body={**_HELLO, "input": "hi"}),
    Exchange("message-wrong-type", "POST", _MESSAGES, body={"messages": "nope"}),
    Exchange("message-wrong-role", "POST", _MESSAGES, body={"messages": [{"role": "nobody", "content": "hi"}]}),
    Exchange("message-no-content", "POST", _MESSAGES, body={"messages": [{"role": "user"}]}),
    Exchange("message-stray-option", "POST", _MESSAGES, body={**_HELLO, "stream_tokens": True}),
    Exchange("message-unknown-agent", "POST", _MESSAGES, given=_NO_AGENT, body=_HELLO),
    Exchange("message-bad-id", "POST", _MESSAGES, given={"agent_id": "bogus"}, body=_HELLO),
    Exchange("stream-tokens", "POST", _STREAM, body={**_HELLO, **_TOKENS}),
    Exchange("stream-steps", "POST", _STREAM, body=_HELLO),
    Exchange("stream-tool", "POST", _STREAM, body=_TOOL, is_scripted=True),
    Exchange("stream-tool-tokens", "POST", _STREAM, body={**_TOOL, **_TOKENS}, is_scripted=True),
    Exchange("stream-background", "POST", _STREAM, body={**_HELLO, **_TOKENS, "background": True}, needs_redis=True),
    Exchange("stream-no-input", "POST", _STREAM, body=_TOKENS),
    Exchange("stream-unknown-agent", "POST", _STREAM, given=_NO_AGENT, body={**_HELLO, **_TOKENS}),
    Exchange("stream-bad-id", "POST", _STREAM, given={"agent_id": "bogus"}, body={**_HELLO, **_TOKENS}),
    Exchange("history", "GET", _MESSAGES, "limit=20"),
    Exchange("history-bad-limit", "GET", _MESSAGES, "limit=abc"),
    Exchange("history-unknown-agent", "GET", _MESSAGES, "limit=20", given=_NO_AGENT),
)

RUNS = (
    Exchange("run", "GET", "/v1/runs/{run_id}", until=("status", "completed")),
    Exchange("run-unknown", "GET", "/v1/runs/{run_id}", given={"run_id": f"run-{_UUID}"}),
    Exchange("run-bad-id", "GET", "/v1/runs/{run_id}", given={"run_id": "bogus"}),
    Exchange("run-metrics", "GET", "/v1/runs/{run_id}/metrics"),
    Exchange("step-metrics", "GET", "/v1/steps/{step_id}/metrics"),
    Exchange("message-async", "POST", f"{_MESSAGES}/async", body=_HELLO, keep={"run_id": "id"}),
    Exchange("run-of-async", "GET", "/v1/runs/{run_id}", until=("status", "completed")),
)

CONVERSATIONS = (
    Exchange("conversations-none", "GET", _CONVERSATIONS, "agent_id={agent_id}"),
    Exchange(
        "conversation-create", "POST", _CONVERSATIONS, "agent_id={agent_id}", body={}, keep={"conversation_id": "id"}
    ),
    Exchange("conversation-create-no-agent", "POST", _CONVERSATIONS, body={}),
    Exchange("conversation-create-unknown-agent", "POST", _CONVERSATIONS, "agent_id={agent_id}", {}, given=_NO_AGENT),
    Exchange("conversation-message", "POST", _TALK, body=_HELLO),
    Exchange("conversation-message-tokens", "POST", _TALK, body={**_HELLO, **_TOKENS}),
    Exchange("conversation-message-whole", "POST", _TALK, body={**_HELLO, "streaming": False}),
    Exchange("conversation-message-busy", "POST", _TALK, body=_HELLO, overlaps=True, needs_redis=True),
    Exchange("conversation-message-empty-list", "POST", _TALK, body={"messages": []}),
    Exchange("conversation-message-no-input", "POST", _TALK, body={}),
    Exchange("conversation-message-unknown", "POST", _TALK, body=_HELLO, given=_NO_CONVERSATION),
    Exchange("conversation-message-bad-id", "POST", _TALK, body=_HELLO, given={"conversation_id": "bogus"}),
    Exchange("conversation-history", "GET", _TALK, "limit=20"),
    Exchange("conversation-get", "GET", _CONVERSATION),
    Exchange("conversation-get-unknown", "GET", _CONVERSATION, given=_NO_CONVERSATION),
    Exchange("conversation-delete", "DELETE", _CONVERSATION),
    Exchange("conversations", "GET", _CONVERSATIONS, "agent_id={agent_id}"),
    Exchange("conversations-no-agent", "GET", _CONVERSATIONS),
)

_FAULTS = {
    **{f"{status}": Fault("status", status=status) for status in (400, 401, 403, 404, 422, 429, 500, 503)},
    "dropped": Fault("drop"),
    "garbage": Fault("garbage"),
    "truncated": Fault("truncate"),
}

# The other statuses become an answer by the same lines of Letta. How much of a truncated stream gets through before
# its end is a race, so that an error event stands for a stream that breaks off.
_IN_STREAMS = ("400", "401", "429", "500", "dropped", "garbage")

ERRORS_OF_MODELS = (
    *(
        Exchange(f"message-model-{name}", "POST", _MESSAGES, body=_HELLO, fault=fault)
        for name, fault in _FAULTS.items()
    ),
    *(
        Exchange(f"stream-model-{name}", "POST", _STREAM, body={**_HELLO, **_TOKENS}, fault=fault)
        for name, fault in _FAULTS.items()
        if name in _IN_STREAMS
    ),
    Exchange("stream-model-error-event", "POST", _STREAM, body={**_HELLO, **_TOKENS}, fault=Fault("error_in_stream")),
    Exchange("stream-steps-model-500", "POST", _STREAM, body=_HELLO, fault=_FAULTS["500"]),
    Exchange("conversation-model-500", "POST", _TALK, body=_HELLO, fault=_FAULTS["500"]),
    Exchange("archival-insert-model-500", "POST", _MEMORY, body={"text": "river"}, fault=Fault("status", "embeddings")),
    Exchange(
        "archival-search-model-400",
        "GET",
        _SEARCH,
        "query=river&top_k=5",
        fault=Fault("status", "embeddings", status=400),
    ),
    Exchange("message-after-errors", "POST", _MESSAGES, body=_HELLO, is_scripted=True),
)

REMOVAL = (
    Exchange("blocks-by-tag", "GET", "/v1/blocks/", _TAGGED, keep={"block_id": "0.id"}),
    Exchange("block-create", "POST", "/v1/blocks/", body=_HUMAN),
    Exchange("block-create-no-label", "POST", "/v1/blocks/", body={"value": "v"}),
    Exchange("archival-insert-again", "POST", _MEMORY, body={"text": "The river runs south."}),
    Exchange("archival-search-untagged", "GET", _SEARCH, "query=river&top_k=5"),
    Exchange("archival-list-untagged", "GET", _MEMORY),
    Exchange("archives", "GET", "/v1/archives/", "agent_id={agent_id}", keep={"archive_id": "0.id"}),
    Exchange("archive-delete", "DELETE", "/v1/archives/{archive_id}"),
    Exchange("archive-delete-again", "DELETE", "/v1/archives/{archive_id}"),
    Exchange("agent-delete", "DELETE", _AGENT),
    Exchange("agent-delete-again", "DELETE", _AGENT),
    Exchange("agent-delete-plain", "DELETE", _AGENT, given={"agent_id": "{plain_id}"}),
    Exchange(
        # A real Letta keeps the archive of an agent that is deleted.
        "archive-delete-anew",
        "DELETE",
        "/v1/archives/{archive_id}",
        given={"archive_id": "{anew_archive_id}"},
    ),
    Exchange("agent-delete-history", "DELETE", _AGENT, given=_THE_ONE),
    Exchange("agent-get-deleted", "GET", _AGENT),
    Exchange("message-deleted-agent", "POST", _MESSAGES, body=_HELLO),
    Exchange("stream-deleted-agent", "POST", _STREAM, body={**_HELLO, **_TOKENS}),
    Exchange("conversation-get-deleted", "GET", _CONVERSATION),
    Exchange("agents-by-tag-after", "GET", _AGENTS, _TAGGED),
    Exchange("block-delete", "DELETE", "/v1/blocks/{block_id}"),
    Exchange("block-delete-again", "DELETE", "/v1/blocks/{block_id}"),
)

EVERY: tuple[Exchange, ...] = (
    *PATHS,
    *AGENTS,
    *FLEETS,
    *MEMORY,
    *MESSAGES,
    *RUNS,
    *CONVERSATIONS,
    *ERRORS_OF_MODELS,
    *REMOVAL,
)


def possible(
    exchanges: Sequence[Exchange], *, has_model_double: bool, has_redis: bool
) -> tuple[tuple[Exchange, ...], tuple[Exchange, ...]]:
    """Return the exchanges that can be sent to such a server, and those that cannot."""
    can = tuple(
        one
        for one in exchanges
        if (has_model_double or not one.needs_model_double) and (has_redis or not one.needs_redis)
    )
    return can, tuple(one for one in exchanges if one not in can)
