"""Doing much on a loop, and leaving it time for what else there is: `Pace`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_AT_ONCE = 500
"""How many pieces are done in a row: as many submissions take some milliseconds."""


class Pace:
    """Does pieces of work in their order, the first few of many at once, and the others a few at a time.

    So a thousand attempts that start together do not keep the loop from the first of them that have ended, nor from
    the lease of their run. Used on one loop.
    """

    def __init__(self) -> None:
        self._work: deque[Callable[[], None]] = deque()
        self._left = _AT_ONCE
        self._due = False

    def add(self, work: Callable[[], None]) -> None:
        """Have a piece done: now, unless there is much."""
        if self._left and not self._work:
            self._left -= 1
            work()
        else:
            self._work.append(work)
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._left, self._due = _AT_ONCE, False
        for _ in range(min(_AT_ONCE, len(self._work))):
            self._left -= 1
            self._work.popleft()()
        if self._work:
            self._due = True
            asyncio.get_running_loop().call_soon(self._go_on)
