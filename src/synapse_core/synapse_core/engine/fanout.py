"""One instance of an action for each item of a list: `FanOut`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from synapse_core.models import Failure
from synapse_core.pipeline import PlanNode
from synapse_core.protocols import Outcome

_AT_ONCE = 64
"""How many instances are under way when nobody says; the executor's slots bound how many of them run."""


RunInstance = Callable[[PlanNode, int, Any], Awaitable[Outcome | None]]
"""Runs the instance for one item, by its number; None where it could not be started any more."""


class FanOut:
    """Runs the instances of one node, at most ``max_parallel`` at once, and gathers their results in item order."""

    def __init__(self, node: PlanNode, items: Sequence[Any], run: RunInstance) -> None:
        self.items = items
        self._node = node
        self._run = run
        self._results: list[Any] = [None] * len(items)
        self._values: list[Any] = [None] * len(items)
        self._bad: Outcome | None = None
        self._unstarted = 0

    async def run(self) -> Outcome:
        """Run them all; the outcome's result is the list of their results."""
        at_once = min(self._node.max_parallel or _AT_ONCE, len(self.items))
        numbered = iter(enumerate(self.items))
        # All of them, whatever fails one: none may be left running behind.
        ended = await asyncio.gather(*(self._work(numbered) for _ in range(at_once)), return_exceptions=True)
        for error in filter(None, ended):
            raise error
        if self._bad is not None:
            return self._bad
        if self._unstarted:
            return Outcome("cancelled", failure=Failure("ActionCancelled", "cancelled"))
        return Outcome("completed", self._results, None, self._values)

    async def _work(self, numbered: Iterator[tuple[int, Any]]) -> None:
        for index, item in numbered:
            outcome = await self._run(self._node, index, item)
            if outcome is None:
                self._unstarted += 1
            elif outcome.status == "completed":
                self._results[index] = outcome.result
                self._values[index] = outcome.value if outcome.value is not None else outcome.result
            else:
                self._bad = self._bad or outcome
