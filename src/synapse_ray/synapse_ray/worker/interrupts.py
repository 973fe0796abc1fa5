"""Ctrl-C from within: ending what a worker's main thread does, blocking calls too: `Interrupts`."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Raises KeyboardInterrupt in the main thread by a real SIGINT.

    Unlike what Ray does to cancel, it also ends a call that waits in the system: a sleep, a lock, a child.
    """

    def __init__(self) -> None:
        self._armed = False
        self._sent = False
        self._before: Any = None
        self._able = threading.current_thread() is threading.main_thread()
        if self._able:
            self._before = signal.signal(signal.SIGINT, self._arrived)

    def arm(self) -> None:
        """From now on `interrupt` reaches what the main thread does."""
        self._armed = True

    def disarm(self) -> None:
        """It does not any more."""
        self._armed = False

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in what is armed, if anything is."""
        if self._armed and self._able:
            self._sent = True
            ident = threading.main_thread().ident
            assert ident is not None
            signal.pthread_kill(ident, signal.SIGINT)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        sent, self._sent = self._sent, False
        if self._armed:
            raise KeyboardInterrupt
        if not sent and callable(self._before):  # another's task, which Ray itself cancels
            self._before(number, frame)
