"""Whether an action has been asked to stop: `CancelToken`."""

from __future__ import annotations

import threading
from collections.abc import Callable


class CancelToken:
    """Whether an attempt has been asked to stop, and why; set once, from any thread."""

    __slots__ = ("_asked", "_calls", "_lock", "reason")

    def __init__(self) -> None:
        self.reason: str | None = None
        self._asked: threading.Event | None = None
        self._lock = threading.Lock()
        self._calls: list[Callable[[], object]] = []

    def cancel(self, reason: str = "cancelled") -> None:
        """Ask for the stop; the first reason stays."""
        with self._lock:
            calls, self._calls = self._calls, []
            self.reason = self.reason or reason
        for call in calls:
            call()

    def on_cancel(self, call: Callable[[], object]) -> None:
        """Have ``call`` called, from the cancelling thread, when the stop is asked for; at once if it was."""
        with self._lock:
            if self.reason is None:
                self._calls.append(call)
                return
        call()

    def wait(self, seconds: float) -> bool:
        """Wait until the stop is asked for, ``seconds`` at most; whether it was."""
        if self._asked is None:
            self._asked = threading.Event()
            self.on_cancel(self._asked.set)
        return self._asked.wait(seconds)
