"""The stub finds what carries a tag as if it looked at everything."""

from __future__ import annotations

import random

from testbed.letta_stub.state import Agent, Block, Store

TAGS = ("red", "green", "blue")


def new_agent(number: int, tags: list[str]) -> Agent:
    blocks = {label: Block(label, "text", tags=tags) for label in ("human", "persona")}
    return Agent(f"agent {number}", "model", None, blocks, tags=tags)


def test_agents_and_blocks_are_found_by_their_tags_in_the_order_in_which_they_came() -> None:
    source, store, kept = random.Random(1), Store(), dict[str, Agent]()
    for number in range(300):
        agent = new_agent(number, source.sample(TAGS, source.randrange(4)))
        store.add_agent(agent)
        kept[agent.id] = agent
        if source.random() < 0.3:
            gone = source.choice(list(kept))
            store.delete_agent(gone)
            for block in kept.pop(gone).blocks.copy().values():
                store.delete_block(block.id)
        wanted = source.sample(TAGS, source.randrange(1, 3))
        for all_tags, matches in ((True, all), (False, any)):
            expected = [one for one in kept.values() if matches(tag in one.tags for tag in wanted)]
            assert store.agents_with(name=None, tags=wanted, all_tags=all_tags, text=None) == expected
            found = store.blocks_with(wanted, all_tags=all_tags)
            assert found == [block for one in expected for block in one.blocks.values()]
        assert store.tags() == {tag for one in kept.values() for tag in one.tags}


def test_a_block_that_is_deleted_is_gone_from_its_agent() -> None:
    store, agent = Store(), new_agent(1, ["red"])
    store.add_agent(agent)
    store.delete_block(agent.blocks["human"].id)
    assert list(agent.blocks) == ["persona"]


def test_the_context_of_an_agent_can_be_what_it_began_with_however_much_was_said_since() -> None:
    agent = new_agent(1, [])
    agent.begin_with({"id": f"message-{number}"} for number in range(3))
    agent.thread.messages.extend({"id": f"message-{number}"} for number in range(3, 1000))
    agent.log.extend(agent.thread.messages)
    agent.put_in_context([agent.system_message_id, "message-0", "message-2", "message-unknown"])
    assert [one["id"] for one in agent.thread.messages] == ["message-0", "message-2"]
