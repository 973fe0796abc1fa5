"""How many log lines are shown: a flood of them must drown neither the terminal nor the reader."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import monotonic

from synapse_core.events import Event
from synapse_core.models import LogLevel

_ORDER = {level.value: place for place, level in enumerate(LogLevel)}


class Throttle:
    """Lets at most ``lines`` log lines a second through, warnings and worse counted apart from the rest.

    Below ``level`` (``SYNAPSE_LOG_LEVEL``, else info) nothing is let through, nor counted as left out.
    """

    def __init__(self, lines: int, *, level: str | None = None, clock: Callable[[], float] = monotonic) -> None:
        said = (level or os.environ.get("SYNAPSE_LOG_LEVEL") or LogLevel.INFO).lower()
        self._lowest = _ORDER.get(said, _ORDER[LogLevel.INFO])
        self._lines = lines
        self._clock = clock
        self._since = self._told = clock()
        self._shown = [0, 0]
        self._left_out = 0

    def lets(self, event: Event) -> bool:
        """Whether this line is shown."""
        place = _ORDER.get(event.payload.get("level", ""), _ORDER[LogLevel.INFO])
        if place < self._lowest:
            return False
        severe = place >= _ORDER[LogLevel.WARNING]
        if self._shown[severe] >= self._lines and not self._next_second():
            self._left_out += 1
            return False
        self._shown[severe] += 1
        return True

    def left_out(self, *, at_end: bool = False) -> int:
        """How many lines were left out and are not told yet; it is time to tell once a second."""
        now = self._clock()
        if not self._left_out or (now - self._told < 1 and not at_end):
            return 0
        number, self._left_out, self._told = self._left_out, 0, now
        return number

    def _next_second(self) -> bool:
        now = self._clock()
        if now - self._since < 1:
            return False
        self._since, self._shown = now, [0, 0]
        return True
