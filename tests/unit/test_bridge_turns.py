from __future__ import annotations

import asyncio

from testbed.bridge.turns import Turn, Turns


async def _turn(turns: Turns, user: str) -> Turn:
    turn = await turns.wait(user, timeout_s=5)
    assert turn is not None
    return turn


def test_the_messages_of_one_user_take_turns_in_their_order() -> None:
    async def scenario() -> list[int]:
        turns, order, inside = Turns(), [], 0

        async def talk(number: int) -> None:
            nonlocal inside
            with await _turn(turns, "user"):
                inside += 1
                assert inside == 1
                await asyncio.sleep(0)
                order.append(number)
                inside -= 1

        await asyncio.gather(*(talk(number) for number in range(20)))
        return order

    assert asyncio.run(scenario()) == list(range(20))


def test_users_do_not_wait_for_each_other() -> None:
    async def scenario() -> None:
        turns = Turns()
        with await _turn(turns, "one"), await _turn(turns, "two"):
            return

    asyncio.run(scenario())


def test_a_turn_that_does_not_come_in_time_is_none_and_nobody_is_kept_waiting_by_it() -> None:
    async def scenario() -> None:
        turns = Turns()
        with await _turn(turns, "user"):
            assert await turns.wait("user", timeout_s=0.01) is None
            assert await turns.wait("user", timeout_s=-1) is None
            later = asyncio.create_task(_turn(turns, "user"))
            await asyncio.sleep(0)
        with await later:
            return

    asyncio.run(scenario())


def test_a_waiter_that_is_cancelled_in_the_moment_its_turn_comes_passes_it_on() -> None:
    async def scenario() -> None:
        turns = Turns()
        first = await _turn(turns, "user")
        second = asyncio.create_task(_turn(turns, "user"))
        third = asyncio.create_task(_turn(turns, "user"))
        await asyncio.sleep(0)
        with first:
            pass
        second.cancel()
        with await asyncio.wait_for(third, 1):
            return

    asyncio.run(scenario())
