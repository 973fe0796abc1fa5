"""How an action in a job is brought to its end: `Ending`."""

from __future__ import annotations

import time
from typing import Any, Protocol

_LAST = 1.0
"""Seconds between SIGTERM and SIGKILL, at most."""


class Stoppable(Protocol):
    """What can be asked to stop, and made to; as `synapse_core.builtin.process.supervise.Supervised`."""

    def ask(self, reason: str) -> None:
        """Ask the action."""

    def terminate(self) -> None:
        """SIGTERM."""

    def kill(self) -> None:
        """SIGKILL."""


class Ending:
    """Asks, then terminates, then kills.

    An order (`synapse_ray.jobs_api.orders`) says the reason and how long that may take; a later one may shorten it.
    Ray's own stop comes as SIGTERM: with an order before it the time is up, without one the action has ``grace``.

    Args:
        process: what is ended.
        grace: seconds between Ray's stop and force.
    """

    def __init__(self, process: Stoppable, grace: float) -> None:
        self._process = process
        self._grace = grace
        self._signals = 0
        self._heeded = 0
        self._order: Any = None
        self._term_at: float | None = None
        self._kill_at: float | None = None
        self._killed = False

    def stopped(self, _signal: int, _frame: Any) -> None:
        """The handler of SIGTERM: only takes note, as the code it interrupts may hold any lock."""
        self._signals += 1

    def look(self, order: Any) -> None:
        """Do what is due; called again and again, with the newest order."""
        at = time.monotonic()
        if order is not None and order != self._order:
            self._order = order
            self._by(at, str(order["reason"]), float(order["grace"]))
        if self._signals > self._heeded:
            self._heeded = self._signals
            self._by(at, "the job was stopped", self._grace if self._term_at is None else 0.0)
        self._force(at)

    def _by(self, at: float, reason: str, grace: float) -> None:
        """Have it ended in ``grace`` seconds, or before."""
        self._process.ask(reason)
        self._term_at = min(at + grace, self._term_at or at + grace)

    def _force(self, at: float) -> None:
        if self._term_at is None or at < self._term_at:
            return
        if self._kill_at is None:
            self._kill_at = at + _LAST
            self._process.terminate()
        elif at >= self._kill_at and not self._killed:
            self._killed = True
            self._process.kill()
