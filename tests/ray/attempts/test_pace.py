"""`Pace`: much work on a loop, in pieces."""

from __future__ import annotations

import asyncio
from functools import partial

from synapse_ray.attempts.pace import Pace


def test_a_little_is_done_at_once():
    """Before `add` returns."""
    done: list[int] = []

    async def add() -> None:
        Pace().add(lambda: done.append(1))
        assert done == [1]

    asyncio.run(add())


def test_much_is_done_in_order_and_leaves_time():
    """What else the loop has to do comes to its turn before the last piece."""
    done, others = list[int](), list[int]()

    async def add() -> None:
        pace = Pace()
        for number in range(5_000):
            pace.add(partial(done.append, number))
        asyncio.get_running_loop().call_soon(lambda: others.append(len(done)))
        while len(done) < 5_000:
            await asyncio.sleep(0)

    asyncio.run(add())
    assert done == list(range(5_000))
    assert 0 < others[0] < 5_000
