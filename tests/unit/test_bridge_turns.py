from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from testbed.bridge.turns import Turns


def test_the_messages_of_one_user_take_turns_in_the_order_of_lining_up_whenever_they_ask() -> None:
    async def scenario() -> list[int]:
        turns, order = Turns(), []
        places = [turns.line_up("user") for _ in range(20)]

        async def talk(number: int) -> None:
            with places[number] as place:
                assert await place.turn_comes(within_s=5)
                await asyncio.sleep(0)
                order.append(number)

        await asyncio.gather(*(talk(number) for number in reversed(range(20))))
        return order

    assert asyncio.run(scenario()) == list(range(20))


def test_users_do_not_wait_for_each_other() -> None:
    async def scenario() -> bool:
        turns = Turns()
        with turns.line_up("one") as first, turns.line_up("two") as second:
            return await first.turn_comes(within_s=0) and await second.turn_comes(within_s=0)

    assert asyncio.run(scenario())


def test_whoever_gives_up_waiting_keeps_nobody_waiting() -> None:
    async def scenario() -> None:
        turns = Turns()
        first, second, third = (turns.line_up("user") for _ in range(3))
        assert await first.turn_comes(within_s=0)
        assert not await second.turn_comes(within_s=0.01)
        second.leave()
        first.leave()
        assert await third.turn_comes(within_s=0)

    asyncio.run(scenario())


def test_leaving_twice_takes_the_turn_from_nobody() -> None:
    async def scenario() -> None:
        turns = Turns()
        first, second, third = (turns.line_up("user") for _ in range(3))
        first.leave()
        first.leave()
        assert await second.turn_comes(within_s=0)
        assert not await third.turn_comes(within_s=0)

    asyncio.run(scenario())


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=40))
def test_at_any_time_exactly_the_first_in_line_has_the_turn(steps: list[tuple[bool, int]]) -> None:
    async def scenario() -> None:
        turns, line = Turns(), []
        for joins, index in steps:
            if joins:
                line.append(turns.line_up("user"))
            elif line:
                line.pop(index % len(line)).leave()
            having = [await place.turn_comes(within_s=0) for place in line]
            assert having == [True] * min(1, len(line)) + [False] * (len(line) - 1)

    asyncio.run(scenario())
