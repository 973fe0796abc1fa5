"""Ctrl-C and SIGTERM that come while a run is being started: `Held`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Self


class Held:
    """Keeps the first Ctrl-C or SIGTERM until `release`; a second one comes at once.

    While a run is being started, and before it is waited for, an interrupt would end the command without a word of
    what becomes of the run. Use it as a context manager, in the main thread.

    Args:
        tell: called when one is kept, where that may be for long.
    """

    def __init__(self, tell: Callable[[], object] | None = None) -> None:
        self._tell = tell
        self._before: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._came: Callable[[], Any] | None = None

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            if callable(before):  # one that is ignored stays so
                self._before[number] = before
                signal.signal(number, self._keep)
        return self

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self._came = partial(self._before[number], number, frame)
        self._restore()
        if self._tell is not None:
            with suppress(RuntimeError):  # it came in the middle of what is written there
                self._tell()

    @property
    def came(self) -> bool:
        """Whether one is kept."""
        return self._came is not None

    def _restore(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def release(self) -> None:
        """Let what was kept come now, and all others as they did before.

        Raises:
            KeyboardInterrupt: one was kept.
        """
        self._restore()
        came, self._came = self._came, None
        if came is not None:
            came()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.release()
        self._restore()
