"""How many attempts run at once: `Slots`, a bounded amount of each resource."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

_Amounts = Mapping[str, float]


class Slots:
    """Amounts of named resources, taken and given back; who waits is served in order, so that nobody starves.

    A resource that has no bound here is free. Who asks for more than there is gets all there is: it runs alone
    rather than never.
    """

    def __init__(self, capacity: _Amounts) -> None:
        self._capacity = dict(capacity)
        self._free = dict(capacity)
        self._waiting: deque[tuple[_Amounts, asyncio.Future[None]]] = deque()

    def bounded(self, amounts: _Amounts) -> _Amounts:
        """The part of ``amounts`` that is bounded here, cut to what there is in all."""
        return {name: min(amount, self._capacity[name]) for name, amount in amounts.items() if name in self._capacity}

    async def take(self, amounts: _Amounts) -> None:
        """Wait for ``amounts`` (as `bounded` gave them) and take them."""
        if not self._waiting and self._fits(amounts):
            self._subtract(amounts)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amounts, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(amounts)
            raise

    def give(self, amounts: _Amounts) -> None:
        """Give back what was taken."""
        for name, amount in amounts.items():
            self._free[name] += amount
        while self._waiting and (self._waiting[0][1].done() or self._fits(self._waiting[0][0])):
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._subtract(wanted)
                turn.set_result(None)

    def _fits(self, amounts: _Amounts) -> bool:
        # The slack is for sums of fractions: 3 x 0.1 of a core is more than 0.3 of it.
        return all(self._free[name] + 1e-9 >= amount for name, amount in amounts.items())

    def _subtract(self, amounts: _Amounts) -> None:
        for name, amount in amounts.items():
            self._free[name] -= amount
