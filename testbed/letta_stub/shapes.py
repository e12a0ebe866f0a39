"""Which JSON does Letta 0.16.4 answer for an agent, a block, a passage, a conversation, a run? (Keys as captured.)"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from testbed.letta_stub.ids import stamp
from testbed.letta_stub.models import EMBEDDING_HANDLES, MODEL_SETTINGS, Models
from testbed.letta_stub.state import Agent, Block, Conversation, Passage, Run, Step
from testbed.letta_stub.wording import (
    AGENT_TYPE,
    BASE_TOOLS,
    ORGANIZATION_ID,
    STORED_EMBEDDING_DIM,
    SYSTEM,
    USER_ID,
)

Json = dict[str, Any]

_NOT_SET = ("project_id", "template_id", "base_template_id", "deployment_id", "entity_id")


def agent_state(agent: Agent, models: Models) -> Json:
    """Return an AgentState."""
    # An agent shows its blocks without their tags.
    blocks = [block_state(block, with_tags=False) for block in agent.blocks.values()]
    return {
        "created_by_id": USER_ID,
        "last_updated_by_id": USER_ID,
        "created_at": agent.created_at,
        "updated_at": agent.created_at,
        "id": agent.id,
        "name": agent.name,
        "tool_rules": [],
        "message_ids": [agent.system_message_id, *(message["id"] for message in agent.thread.messages)],
        "system": agent.system or SYSTEM,
        "agent_type": AGENT_TYPE,
        "llm_config": models.llm_config(agent.model),
        "embedding_config": models.embedding_config(agent.embedding) if agent.embedding else None,
        "model": agent.model,
        "embedding": agent.embedding,
        "model_settings": MODEL_SETTINGS,
        "compaction_settings": None,
        "response_format": None,
        "description": agent.description,
        "metadata": agent.metadata,
        "memory": {"agent_type": AGENT_TYPE, "blocks": blocks, "file_blocks": [], "prompt_template": ""},
        "blocks": blocks,
        "tools": BASE_TOOLS if agent.has_base_tools else [],
        "sources": [],
        "tags": agent.tags,
        "tool_exec_environment_variables": [],
        "secrets": [],
        **dict.fromkeys(_NOT_SET),
        "identity_ids": [],
        "identities": [],
        "pending_approval": None,
        "message_buffer_autoclear": False,
        "enable_sleeptime": None,
        "multi_agent_group": None,
        "managed_group": None,
        "last_run_completion": None,
        "last_run_duration_ms": None,
        "last_stop_reason": agent.last_stop_reason,
        "timezone": agent.timezone,
        "max_files_open": 5,
        "per_file_view_window_char_limit": 15_000,
        "hidden": None,
    }


def block_state(block: Block, *, with_tags: bool = True) -> Json:
    """Return a Block."""
    return {
        "value": block.value,
        "limit": block.limit,
        "project_id": None,
        "template_name": None,
        "is_template": False,
        "template_id": None,
        "base_template_id": None,
        "deployment_id": None,
        "entity_id": None,
        "preserve_on_migration": False,
        "label": block.label,
        "read_only": block.read_only,
        "description": block.description,
        "metadata": block.metadata,
        "hidden": None,
        "id": block.id,
        "created_by_id": None,
        "last_updated_by_id": None,
        "tags": block.tags if with_tags else [],
    }


def passage_state(passage: Passage, embedding: np.ndarray[Any, Any], models: Models) -> Json:
    """Return a Passage with its embedding padded with zeros, as the real server stores it."""
    padded = np.zeros(STORED_EMBEDDING_DIM, dtype=np.float64)
    padded[: len(embedding)] = embedding
    created_at = stamp(passage.created_s)
    return {
        "created_by_id": USER_ID,
        "last_updated_by_id": USER_ID,
        "created_at": created_at,
        "updated_at": created_at,
        "is_deleted": False,
        "organization_id": ORGANIZATION_ID,
        "archive_id": passage.archive_id,
        "source_id": None,
        "file_id": None,
        "file_name": None,
        "metadata": {},
        "tags": None if passage.tags is None else list(passage.tags),
        "id": passage.id,
        "text": passage.text,
        "embedding": padded,
        "embedding_config": models.embedding_config(passage.embedding_handle),
    }


def archive_state(agent: Agent, models: Models) -> Json:
    """Return the Archive that an agent got with its first passage."""
    return {
        "created_by_id": USER_ID,
        "last_updated_by_id": USER_ID,
        "created_at": agent.created_at,
        "updated_at": agent.created_at,
        "name": f"{agent.name}'s Archive",
        "description": "Default archive created automatically",
        "organization_id": ORGANIZATION_ID,
        "vector_db_provider": "native",
        "embedding_config": models.embedding_config(agent.embedding or EMBEDDING_HANDLES[0]),
        "metadata": None,
        "id": agent.archive_id,
    }


def search_result(passage: Passage) -> Json:
    """Return one entry of an archival search."""
    timestamp = datetime.fromtimestamp(passage.created_s, UTC).isoformat()
    return {"id": passage.id, "timestamp": timestamp, "content": passage.text, "tags": list(passage.tags or ())}


def conversation_state(conversation: Conversation, *, is_listed: bool = False) -> Json:
    """Return a Conversation; in a list it does not name its messages."""
    messages = () if is_listed else conversation.thread.messages
    return {
        "created_by_id": USER_ID,
        "last_updated_by_id": USER_ID,
        "created_at": conversation.created_at,
        "updated_at": conversation.created_at,
        "id": conversation.id,
        "agent_id": conversation.agent_id,
        "summary": conversation.summary,
        "in_context_message_ids": [message["id"] for message in messages],
        "isolated_block_ids": [],
    }


def run_state(run: Run) -> Json:
    """Return a Run."""
    is_async = run.run_type == "send_message_async"
    completed_at = None if run.completed_s is None else stamp(run.completed_s).removesuffix("Z")
    return {
        "id": run.id,
        "status": run.status,
        "created_at": stamp(run.created_s),
        "completed_at": completed_at,
        "agent_id": run.agent_id,
        "conversation_id": run.conversation_id,
        "base_template_id": None,
        "background": run.background,
        "metadata": {"run_type": run.run_type, **({"lettuce": None} if is_async else {})},
        "request_config": {
            "use_assistant_message": True,
            "assistant_message_tool_name": "send_message",
            "assistant_message_tool_kwarg": "message",
            "include_return_message_types": None,
        },
        "stop_reason": run.stop_reason,
        "callback_url": None,
        "callback_sent_at": None,
        "callback_status_code": None,
        "callback_error": None,
        "ttft_ns": None,
        "total_duration_ns": None,
    }


def run_metrics(run: Run) -> Json:
    """Return the metrics of a run; `run_ns` is None while it runs."""
    run_ns = None if run.completed_s is None else int((run.completed_s - run.created_s) * 1e9)
    return {
        "id": run.id,
        "organization_id": ORGANIZATION_ID,
        "agent_id": run.agent_id,
        "project_id": None,
        "run_start_ns": int(run.created_s * 1e9),
        "run_ns": run_ns,
        "num_steps": run.steps,
        "tools_used": None,
        "template_id": None,
        "base_template_id": None,
    }


def step_metrics(step: Step) -> Json:
    """Return the metrics of a step."""
    return {
        "id": step.id,
        "organization_id": ORGANIZATION_ID,
        "provider_id": None,
        "run_id": step.run_id,
        "agent_id": step.agent_id,
        "step_start_ns": None,
        "llm_request_start_ns": None,
        "llm_request_ns": step.llm_ns,
        "tool_execution_ns": step.tool_ns,
        "step_ns": step.whole_ns,
        "base_template_id": None,
        "template_id": None,
        "project_id": None,
    }
