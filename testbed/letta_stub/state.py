"""What does the stub remember? (All is bounded but the number of agents, blocks and conversations.)"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from testbed.letta_stub.ids import new_id, stamp
from testbed.letta_stub.tag_index import TagIndex
from testbed.letta_stub.wording import BLOCK_DESCRIPTIONS, BLOCK_LIMIT

# Bounds keep 10,000 agents (the large tier) within some hundred megabytes; the oldest entry goes first.
MESSAGES_PER_AGENT = 200
PASSAGES_PER_AGENT = 500
RUNS = 100_000

Json = dict[str, Any]


@dataclass(slots=True)
class Block:
    """A memory block of one agent."""

    label: str
    value: str
    description: str | None = None
    limit: int = BLOCK_LIMIT
    read_only: bool = False
    metadata: Json = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: new_id("block"))

    def __post_init__(self) -> None:
        if self.description is None:
            self.description = BLOCK_DESCRIPTIONS.get(self.label)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text in archival memory."""

    text: str
    tags: tuple[str, ...] | None
    archive_id: str
    embedding_handle: str
    created_s: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: new_id("passage"))


@dataclass(slots=True)
class Thread:
    """A history of messages in their wire form, what it costs as context, and whether a message is being worked on."""

    conversation_id: str | None = None
    messages: deque[Json] = field(default_factory=lambda: deque(maxlen=MESSAGES_PER_AGENT))
    tokens: int = 0
    is_busy: bool = False

    def free(self) -> None:
        """Note that the work on a message ended."""
        self.is_busy = False


@dataclass(slots=True)
class Agent:
    """An agent and everything that hangs on it."""

    name: str
    model: str
    embedding: str | None
    blocks: dict[str, Block]
    tags: list[str] = field(default_factory=list)
    description: str | None = None
    metadata: Json | None = None
    system: str | None = None
    timezone: str = "UTC"
    has_base_tools: bool = True
    id: str = field(default_factory=lambda: new_id("agent"))
    created_at: str = field(default_factory=stamp)
    archive_id: str = field(default_factory=lambda: new_id("archive"))
    system_message_id: str = field(default_factory=lambda: new_id("message"))
    thread: Thread = field(default_factory=Thread)
    log: deque[Json] = field(default_factory=lambda: deque(maxlen=MESSAGES_PER_AGENT))  # of all its threads
    passages: OrderedDict[str, Passage] = field(default_factory=OrderedDict)
    last_stop_reason: str | None = None
    given: tuple[Json, ...] = ()  # the messages that it was made with, which are never forgotten

    def begin_with(self, messages: Iterable[Json]) -> None:
        """Put messages in its memory that nobody answered."""
        self.given = tuple(messages)
        self.thread.messages.extend(self.given)
        self.log.extend(self.given)

    def put_in_context(self, message_ids: Iterable[str]) -> None:
        """Let its context be these messages; one that the stub has forgotten is left out."""
        known = {str(one["id"]): one for one in (*self.given, *self.log, *self.thread.messages)}
        known.pop(self.system_message_id, None)  # always in context
        chosen = [known[one] for one in message_ids if one in known]
        self.thread.messages.clear()
        self.thread.messages.extend(chosen)

    def remember(self, passage: Passage) -> None:
        """Store a passage, forgetting the oldest one when there are too many."""
        self.passages[passage.id] = passage
        while len(self.passages) > PASSAGES_PER_AGENT:
            self.passages.popitem(last=False)


@dataclass(slots=True)
class Conversation:
    """A thread of messages of an agent, apart from its main one."""

    agent_id: str
    summary: str | None = None
    id: str = field(default_factory=lambda: new_id("conv"))
    created_at: str = field(default_factory=stamp)
    thread: Thread = field(default_factory=Thread)

    def __post_init__(self) -> None:
        self.thread.conversation_id = self.id


@dataclass(slots=True)
class Run:
    """One piece of work on a message."""

    agent_id: str
    background: bool = False
    conversation_id: str | None = None
    run_type: str = "send_message"
    id: str = field(default_factory=lambda: new_id("run"))
    created_s: float = field(default_factory=time.time)
    completed_s: float | None = None
    status: str = "created"
    stop_reason: str | None = None
    steps: int = 0

    def end(self, stop_reason: str) -> None:
        """Note the end of the run; every reason but `end_turn` is a failure."""
        self.completed_s = time.time()
        self.stop_reason = stop_reason
        self.status = "completed" if stop_reason == "end_turn" else "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One call of the model within a run, and the tool it asked for; times in nanoseconds."""

    id: str
    run_id: str
    agent_id: str
    llm_ns: int
    tool_ns: int | None
    whole_ns: int


class Store:
    """Everything the stub remembers; agents, blocks and conversations are read here, and change by its methods."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.blocks: dict[str, Block] = {}
        self.conversations: dict[str, Conversation] = {}
        self.runs: OrderedDict[str, Run] = OrderedDict()
        self.steps: OrderedDict[str, Step] = OrderedDict()
        self._agents_by_tag: TagIndex[Agent] = TagIndex()
        self._blocks_by_tag: TagIndex[Block] = TagIndex()
        self._agent_of_block: dict[str, Agent] = {}
        self._agent_of_archive: dict[str, Agent] = {}
        self._conversations_of: dict[str, list[Conversation]] = {}

    def add_run(self, run: Run) -> Run:
        """Remember a run, forgetting the oldest one when there are too many."""
        self.runs[run.id] = run
        _bound(self.runs)
        return run

    def add_step(self, step: Step) -> None:
        """Remember a step, forgetting the oldest one when there are too many."""
        self.steps[step.id] = step
        _bound(self.steps)

    def add_agent(self, agent: Agent) -> None:
        """Remember an agent and its blocks."""
        self.agents[agent.id] = agent
        self._agents_by_tag.add(agent)
        self._agent_of_archive[agent.archive_id] = agent
        for block in agent.blocks.values():
            self.add_block(block)
            self._agent_of_block[block.id] = agent

    def add_block(self, block: Block) -> None:
        """Remember a block."""
        self.blocks[block.id] = block
        self._blocks_by_tag.add(block)

    def add_conversation(self, conversation: Conversation) -> None:
        """Remember a conversation."""
        self.conversations[conversation.id] = conversation
        self._conversations_of.setdefault(conversation.agent_id, []).append(conversation)

    def delete_agent(self, agent_id: str) -> None:
        """Forget an agent and its conversations; its blocks stay, as in the real server."""
        agent = self.agents.pop(agent_id)
        self._agents_by_tag.remove(agent)
        del self._agent_of_archive[agent.archive_id]
        for block in agent.blocks.values():
            del self._agent_of_block[block.id]
        for conversation in self._conversations_of.pop(agent_id, ()):
            del self.conversations[conversation.id]

    def delete_block(self, block_id: str) -> None:
        """Forget a block, also in the agent that has it."""
        block = self.blocks.pop(block_id)
        self._blocks_by_tag.remove(block)
        agent = self._agent_of_block.pop(block_id, None)
        if agent is not None:
            del agent.blocks[block.label]

    def conversations_of(self, agent_id: str) -> tuple[Conversation, ...]:
        """Return the conversations of an agent, oldest first."""
        return tuple(self._conversations_of.get(agent_id, ()))

    def clear_archive(self, agent: Agent) -> None:
        """Forget the archive of an agent; its next passage makes another."""
        agent.passages.clear()
        del self._agent_of_archive[agent.archive_id]
        agent.archive_id = new_id("archive")
        self._agent_of_archive[agent.archive_id] = agent

    def agent_of_archive(self, archive_id: str) -> Agent | None:
        """Return the agent whose archive has this id."""
        return self._agent_of_archive.get(archive_id)

    def tags(self) -> set[str]:
        """Return every tag of an agent or a block."""
        return {*self._agents_by_tag.names(), *self._blocks_by_tag.names()}

    def agents_with(self, *, name: str | None, tags: list[str], all_tags: bool, text: str | None) -> list[Agent]:
        """Return the agents that match, oldest first; no tags match everything."""
        found = _with_tags(self._agents_by_tag, tags, self.agents, all_tags=all_tags)
        if name is not None:
            found = [agent for agent in found if agent.name == name]
        if text is not None:
            found = [agent for agent in found if text.lower() in agent.name.lower()]
        return found

    def blocks_with(self, tags: list[str], *, all_tags: bool) -> list[Block]:
        """Return the blocks that match, oldest first; no tags match everything."""
        return _with_tags(self._blocks_by_tag, tags, self.blocks, all_tags=all_tags)


Kept = TypeVar("Kept", Agent, Block)


def _with_tags(index: TagIndex[Kept], tags: list[str], everything: dict[str, Kept], *, all_tags: bool) -> list[Kept]:
    if not tags:
        return list(everything.values())
    return index.all_of(tags) if all_tags else index.any_of(tags, everything.values())


def _bound(entries: OrderedDict[str, Any]) -> None:
    while len(entries) > RUNS:
        entries.popitem(last=False)
