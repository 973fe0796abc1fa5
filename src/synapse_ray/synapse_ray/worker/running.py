"""One attempt in this process, and what its two threads share: `Running`."""

from __future__ import annotations

import json
import threading
from time import monotonic

from synapse_core.builtin.process.supervise import Supervised
from synapse_core.context import CancelToken
from synapse_core.protocols import Call, Outcome
from synapse_core.worker import Reporter
from synapse_core.worker.crossing import draft_rows
from synapse_ray.worker.order import Batch, Order

_LINGER = 5.0
"""Seconds that a child may still run after it gave its outcome."""


class Running:
    """An attempt that runs in the main thread, and what is told of it by the pump's.

    Attributes:
        token: asks the action to stop.
        reporter: takes its reports.
        since: when it began, on the monotonic clock.
        acked: the number of the last reports that arrived.
        force_at: when, on the monotonic clock, it is interrupted, and when it is killed; None while nobody wants that.
        child: the process that it has of its own, if it has one.
    """

    def __init__(self, order: Order, call: Call) -> None:
        self.order = order
        self.call = call
        self.token = CancelToken()
        self.reporter = Reporter(call.action, call.attempt, self._nudged, self.token)
        self.since = monotonic()
        self.acked = 0
        self.nudge: threading.Event | None = None
        self.force_at: tuple[float, float] | None = None
        self.child: Supervised | None = None
        self._lock = threading.Lock()
        self._number = 0
        self._outbox: list[Batch] = []

    def _nudged(self) -> None:
        if self.nudge is not None:
            self.nudge.set()

    def collect(self) -> list[Batch]:
        """The reports that nobody has acknowledged yet, those since the last call among them; oldest first.

        Those that nobody wants are let go of.
        """
        with self._lock:
            drafts = self.reporter.drain()
            if drafts and self.order.heard:
                self._number += 1
                self._outbox.append((self._number, encode(draft_rows(drafts))))
            return list(self._outbox)

    def arrived(self, number: int) -> None:
        """The reports up to this number are with the inbox."""
        with self._lock:
            self.acked = max(self.acked, number)
            self._outbox = [batch for batch in self._outbox if batch[0] > number]

    def in_child(self) -> Outcome:
        """Run the action in a child process, which can be killed with all that it started, and this worker stays."""
        self.child = Supervised(self.call, self.reporter, _LINGER)
        if self.token.reason is not None:
            self.child.ask(self.token.reason)
        return self.child.run()

    def ask(self, reason: str, grace: float) -> None:
        """Ask the action to stop; force begins half of ``grace`` seconds later. A later call may only hasten it."""
        at = monotonic()
        interrupt, kill = self.force_at or (at + grace / 2, at + grace)
        self.force_at = min(interrupt, at + grace / 2), min(kill, at + grace)
        self.token.cancel(reason)
        if self.child is not None:
            self.child.ask(reason)
        self._nudged()


def encode(rows: list[list[object]]) -> bytes:
    """Rows as JSON; what a logger let through that is none, as its repr."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=repr).encode("utf-8", "backslashreplace")
