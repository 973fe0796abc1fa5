"""The thread of a worker that reports while an action runs, and ends one that was told to stop: `Pump`."""

from __future__ import annotations

import os
import threading
from time import monotonic
from typing import Any

from synapse_ray.worker.ending import end_here
from synapse_ray.worker.interrupts import Interrupts
from synapse_ray.worker.link import Link, Message
from synapse_ray.worker.running import Running
from synapse_ray.worker.where import node_id

_FIRST = 0.1
"""Seconds that an action runs before anything is told of it: a short one sends no message at all."""

_FLUSH = 0.2
_CONFLATED = 0.5
"""Seconds between two messages that tell of progress alone: each costs the action a millisecond of its core."""

_IDLE = 5.0
"""Seconds without an action after which the thread sleeps until there is one."""

_LAST_WORDS = 0.5
"""Seconds that the reports of an action that is about to be killed have to arrive."""


class Pump:
    """Looks after the action that runs in the main thread.

    Args:
        interrupts: how the main thread is interrupted.
    """

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._event = threading.Event()
        self._running: Running | None = None
        self._asleep = False
        self._links: dict[str, Link] = {}
        threading.Thread(target=self._work, name="synapse-pump", daemon=True).start()

    def watch(self, running: Running) -> None:
        """Look after an attempt from now on."""
        running.nudge = self._event
        self._running = running
        if self._asleep:  # else the thread comes by soon, and waking it would cost more than a short action does
            self._event.set()

    def leave(self) -> None:
        """It has ended."""
        self._running = None

    def _work(self) -> None:
        since = monotonic()
        while True:
            running = self._running
            if running is not None:
                _Care(running, self._link(running.order.inbox), self._interrupts, self._event).run(self._cares)
                since = monotonic()
            else:
                self._rest(monotonic() - since > _IDLE)

    def _rest(self, long: bool) -> None:
        self._asleep = long
        if self._running is None:
            self._event.wait(None if long else _FIRST)
        self._asleep = False
        self._event.clear()

    def _cares(self, running: Running) -> bool:
        return self._running is running

    def _link(self, inbox: str) -> Link | None:
        if not inbox:
            return None
        if inbox not in self._links:
            self._links = {inbox: Link(inbox, self._event.set)}
        return self._links[inbox]


class _Care:
    """The care for one attempt, until it has ended."""

    def __init__(self, running: Running, link: Link | None, interrupts: Interrupts, event: threading.Event) -> None:
        self._running = running
        self._link = link
        self._interrupts = interrupts
        self._event = event
        self._report: tuple[int, Message] | None = None
        self._beat: Message | None = None
        self._interrupted = False
        self._reported = 0.0

    def run(self, goes_on: Any) -> None:
        """Report and listen while ``goes_on`` says so."""
        while goes_on(self._running):
            age = monotonic() - self._running.since
            if age >= _FIRST:
                self._report_more()
                self._listen(age)
            self._force()
            self._event.wait(self._pause(age))
            self._event.clear()

    def _pause(self, age: float) -> float:
        pause = _FIRST - age if age < _FIRST else _FLUSH
        if self._running.force_at is not None:
            interrupt, kill = self._running.force_at
            pause = min(pause, (kill if self._interrupted else interrupt) - monotonic())
        return max(pause, 0.001)

    def _report_more(self) -> None:
        """Send reports, one message at a time, so that they arrive in order."""
        if self._report is not None:
            number, message = self._report
            if not message.over:
                return
            self._report = None
            if (stop := self._answer(message)) is not None:
                self._running.arrived(number)
                self._heed(stop)
        at = monotonic()
        if self._running.reporter.only_progress and at - self._reported < _CONFLATED:
            return
        batches = self._running.collect()
        if batches and self._link is not None:
            self._reported = at
            message_ = self._link.send("report", self._running.order.key, batches)
            self._report = None if message_ is None else (batches[-1][0], message_)

    def _listen(self, age: float) -> None:
        """Have a message at the inbox that is answered when there is something to heed, or else after a while."""
        if self._beat is not None:
            if not self._beat.over:
                return
            if (stop := self._answer(self._beat)) is not None:
                self._heed(stop)
            self._beat = None
        if self._link is not None:
            self._beat = self._link.send("beat", self._running.order.key, os.getpid(), node_id(), age)

    def _answer(self, message: Message) -> Any:
        """What the inbox says; None where the message did not arrive."""
        try:
            return message.answer()
        except Exception:  # noqa: BLE001  the inbox died, or is too slow: it is told again
            if self._link is not None:
                self._link.lost()
            return None

    def _heed(self, stop: Any) -> None:
        if stop:
            self._running.ask(*stop)

    def _force(self) -> None:
        if self._running.force_at is None:
            return
        at = monotonic()
        interrupt, kill = self._running.force_at
        child = self._running.child
        if at >= kill:
            self._last_words()
            end_here() if child is None else child.kill()
        elif at >= interrupt and not self._interrupted:
            self._interrupted = True
            self._interrupts.interrupt(self._running.token.reason or "") if child is None else child.terminate()

    def _last_words(self) -> None:
        until = monotonic() + _LAST_WORDS
        self._report_more()
        while self._report is not None and monotonic() < until:
            self._event.wait(0.05)
            self._event.clear()
            self._report_more()
