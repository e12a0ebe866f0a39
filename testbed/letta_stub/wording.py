"""Which texts and constants stand in the bodies that describe an agent?

The texts are the stub's own; only their keys, types and rough sizes are those of the real server.
"""

from __future__ import annotations

from typing import Any

USER_ID = "user-00000000-0000-4000-8000-000000000000"
ORGANIZATION_ID = "org-00000000-0000-4000-8000-000000000000"
AGENT_TYPE = "letta_v1_agent"
BLOCK_LIMIT = 20_000
EMBEDDING_DIM = 1536
STORED_EMBEDDING_DIM = 4096  # Letta pads every embedding with zeros to this length

SYSTEM = "\n".join(
    [
        "<base_instructions>",
        "This is the system prompt of a test double, about as long as the one that the real server sends.",
        "<memory>",
        *(["Memory blocks stay in view; passages of archival memory are found by searching them."] * 8),
        "</memory>",
        "<file_system>",
        *(["Files may be opened, searched and closed again; only a few of them are open at a time."] * 6),
        "</file_system>",
        "</base_instructions>",
    ]
)

BLOCK_DESCRIPTIONS = {
    "human": "What is known about the person in this conversation.",
    "persona": "How the agent sees itself and how it is to answer.",
}


def _tool(
    tool_id: str,
    name: str,
    tool_type: str,
    about: str,
    required: dict[str, str],
    *,
    optional: dict[str, dict[str, Any]] | None = None,
    is_parallel: bool = False,
) -> dict[str, Any]:
    needed = {key: {"type": "string", "description": text} for key, text in required.items()}
    parameters = {"type": "object", "properties": {**needed, **(optional or {})}, "required": list(required)}
    return {
        "id": tool_id,
        "tool_type": tool_type,
        "description": about,
        "source_type": "python",
        "name": name,
        "tags": [tool_type],
        "source_code": None,
        "json_schema": {"name": name, "description": about, "parameters": parameters},
        "args_json_schema": None,
        "return_char_limit": 50_000,
        "pip_requirements": None,
        "npm_requirements": None,
        "default_requires_approval": None,
        "enable_parallel_execution": is_parallel,
        "created_by_id": USER_ID,
        "last_updated_by_id": USER_ID,
        "metadata_": {},
        "project_id": None,
    }


BASE_TOOLS = [
    _tool(
        "tool-00000000-0000-4000-8000-000000000001",
        "conversation_search",
        "letta_core",
        "Find earlier messages of this agent.",
        {},
        optional={
            "query": {"type": "string", "description": "What to look for."},
            "roles": {
                "type": "array",
                "items": {"type": "string", "enum": ["assistant", "user", "tool"]},
                "description": "Whose messages.",
            },
            "limit": {"type": "integer", "description": "How many at most."},
            "start_date": {"type": "string", "description": "The first day."},
            "end_date": {"type": "string", "description": "The last day."},
        },
        is_parallel=True,
    ),
    _tool(
        "tool-00000000-0000-4000-8000-000000000002",
        "memory_insert",
        "letta_sleeptime_core",
        "Add a line to a memory block.",
        {"label": "The block.", "new_str": "The line."},
        optional={"insert_line": {"type": "integer", "description": "After which line; the end without it."}},
    ),
    _tool(
        "tool-00000000-0000-4000-8000-000000000003",
        "memory_replace",
        "letta_sleeptime_core",
        "Replace a text in a memory block.",
        {"label": "The block.", "old_str": "The text to replace.", "new_str": "The new text."},
    ),
]
