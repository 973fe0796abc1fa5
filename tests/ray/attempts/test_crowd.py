"""`Crowd`: what references come to, one or many of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from synapse_ray.attempts.crowd import crowd
from synapse_ray.attempts.sitter import value_of


def test_nobody_starts_a_ray_by_asking():
    """Where this process is connected to none, as after it has left it, nothing is asked and that is the answer."""
    import ray

    asked: list[str] = []
    assert not ray.is_initialized()
    assert isinstance(value_of(lambda: asked.append("asked")), ConnectionError)
    assert not asked


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [1, 2, 60])
def test_all_are_told_what_their_task_came_to(driver: Any, tasks: int):
    """A value or an error, whether one is waited for, a few or many; and again after that."""

    def give(number: int) -> int:
        if number % 3 == 2:
            raise ValueError(number)
        return number

    task = driver.remote(give).options(max_retries=0)

    async def told() -> list[Any]:
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(tasks)]
        for number, future in enumerate(futures):
            crowd().wait_for(task.remote(number), loop, future.set_result)
        return await asyncio.gather(*futures)

    for _ in range(2):
        values = asyncio.run(told())
        assert [value for value in values if not isinstance(value, ValueError)] == [
            number for number in range(tasks) if number % 3 != 2
        ]
        assert [isinstance(value, ValueError) for value in values] == [number % 3 == 2 for number in range(tasks)]
