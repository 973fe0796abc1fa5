"""Ending what a worker's main thread does, blocking calls too: `Interrupts`."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from synapse_core.errors import ActionCancelled

_SIGNAL = signal.SIGRTMIN + 7 if hasattr(signal, "SIGRTMIN") else signal.SIGUSR2
"""One that nobody else uses: Ray's workers block SIGINT, so that Ctrl-C in a terminal does not reach them."""


class Interrupts:
    """Raises `ActionCancelled` in the main thread by a real signal.

    Unlike what Ray does to cancel, it also ends a call that waits in the system: a sleep, a lock, a child.
    """

    def __init__(self) -> None:
        self._armed = False
        self._reason = ""
        self._able = threading.current_thread() is threading.main_thread()
        if self._able:
            signal.signal(_SIGNAL, self._arrived)

    def arm(self) -> None:
        """From now on `interrupt` reaches what the main thread does."""
        self._armed = True

    def disarm(self) -> None:
        """It does not any more."""
        self._armed = False

    def interrupt(self, reason: str) -> None:
        """Raise `ActionCancelled` in what is armed, if anything is."""
        if self._armed and self._able:
            self._reason = reason
            ident = threading.main_thread().ident
            assert ident is not None
            signal.pthread_kill(ident, _SIGNAL)

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:  # else it came too late
            raise ActionCancelled(self._reason)
