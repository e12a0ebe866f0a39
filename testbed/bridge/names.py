"""How are the Redis lists, channels and keys of the bridge called?"""

from __future__ import annotations

from typing import Final

# Given by the contract: source document 004 and the services that it names.
REQUESTS: Final = "letta_requests"
RESPONSES: Final = "letta_responses"
MEMORY_UPDATES: Final = "memory_updates"
USER_AGENTS: Final = "letta:user_agent_mapping"

# The bridge's own.
FALLBACK: Final = "letta_bridge:fallback"
DEAD_LETTERS: Final = "letta_bridge:dead_letters"
INSTANCES: Final = "letta_bridge:instances"
USER_AGENTS_USED: Final = "letta:user_agent_last_used"


def processing(instance: str) -> str:
    """List of the entries that one bridge has in hand, newest first."""
    return f"letta_bridge:processing:{instance}"


LEASE_PREFIX: Final = "letta_bridge:lease:"


def lease(instance: str) -> str:
    """Key that expires when a bridge has been silent for too long."""
    return LEASE_PREFIX + instance


def done(task_id: str) -> str:
    """Key that stands while a task counts as answered."""
    return f"letta_bridge:done:{task_id}"


REDELIVERIES_PREFIX: Final = "letta_bridge:redeliveries:"


def redeliveries(entry_sha1: str) -> str:
    """Key that counts how many bridges died over an entry; it stands, at 0 or more, when the entry was put back."""
    return REDELIVERIES_PREFIX + entry_sha1


def creation_lock(user_id: str) -> str:
    """Key that one bridge holds while it creates the agent of a user."""
    return f"letta:user_agent_lock:{user_id}"
