"""Which tables does Letta need: creates them in the database of LETTA_PG_URI. Runs only in Letta's own environment.

Letta's wheel ships no migrations, so the tables come from its models. Importing them by name keeps this module
importable where Letta is not installed.
"""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from importlib import import_module
from typing import Any

# The models do not say that messages are numbered by a sequence; only Letta's migrations do. Without it every insert
# of a message breaks a NOT NULL constraint.
_NUMBER_MESSAGES = (
    "create sequence message_seq_id owned by messages.sequence_id",
    "alter table messages alter column sequence_id set default nextval('message_seq_id')",
)


async def create_schema() -> int:
    """Create every table of Letta's models in an empty database; return how many there are."""
    orm = import_module("letta.orm")
    for module in pkgutil.iter_modules(orm.__path__, "letta.orm."):
        import_module(module.name)
    text: Any = import_module("sqlalchemy").text
    base: Any = import_module("letta.orm.base").Base
    engine: Any = import_module("letta.server.db").engine
    async with engine.begin() as connection:
        await connection.execute(text("create extension vector"))
        await connection.run_sync(base.metadata.create_all)
        for statement in _NUMBER_MESSAGES:
            await connection.execute(text(statement))
    await engine.dispose()
    return len(base.metadata.tables)


if __name__ == "__main__":
    sys.stderr.write(f"created {asyncio.run(create_schema())} tables\n")
