"""`LiveDisplay`: a run's state, redrawn at the bottom of a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from rich.console import Console

from synapse_core.builtin.console.display import note_on
from synapse_core.builtin.console.lines import Lines, left_out_line
from synapse_core.builtin.console.look import look_of
from synapse_core.builtin.console.stage import enter
from synapse_core.builtin.console.throttle import Throttle
from synapse_core.builtin.console.view import RunView
from synapse_core.events import Event, Kind, now
from synapse_core.fold import Folding
from synapse_core.models import LogLevel, PipelineProgress

LINES_A_SECOND = 50

LONGEST_END = 60
"""A run's last picture may be taller than the screen, but not without end."""


class LiveDisplay:
    """Redraws the newest state a few times a second; log entries, warnings and retries are lines above it."""

    def __init__(self, console: Console, work_dir: str | None = None) -> None:
        self._console = console
        self._work_dir = work_dir
        self._lines = Lines(look_of(console))
        self._folding = Folding()
        self._state = PipelineProgress()
        self._stale = False
        self._lock = Lock()
        self._throttle = Throttle(LINES_A_SECOND)
        self._stage = enter(console, self._draw)

    def tell(self, events: Iterable[Event]) -> None:
        """Take events in; the next frame shows them."""
        with self._lock:
            self._stale = True
            for event in events:
                # A log entry changes no state, and there may be a million of them.
                if event.kind != Kind.ACTION_LOG:
                    self._folding.apply(event)
                self._tell_line(event)
        self._tell_left_out()

    def update(self, progress: PipelineProgress) -> None:
        """Show this state from the next frame on."""
        with self._lock:
            self._state, self._stale = progress, False

    def close(self) -> None:
        """Leave the last picture standing and give the terminal back."""
        self._tell_left_out(at_end=True)
        last = self._draw(max(self._console.height - 1, LONGEST_END), note_on(self._work_dir))
        self._stage.leave(self._draw, last)

    def _draw(self, height: int, note: str = "") -> RunView:
        with self._lock:
            if self._stale:
                self._state, self._stale = self._folding.snapshot(), False
            return RunView(self._state, at=now(), height=height, note=note)

    def _tell_line(self, event: Event) -> None:
        if event.kind == Kind.ACTION_RETRYING:
            self._stage.line(self._lines.retry(event))
        elif event.kind == Kind.RUN_CREATED:
            self._lines.fit(action.name for action in self._folding.snapshot().progress)
        elif _is_line(event) and self._throttle.lets(event):
            self._stage.line(self._lines.log(event))

    def _tell_left_out(self, *, at_end: bool = False) -> None:
        if number := self._throttle.left_out(at_end=at_end):
            self._stage.line(left_out_line(number))


def _is_line(event: Event) -> bool:
    """A log entry, or a message that is more than news, which the action's own row shows."""
    if event.kind == Kind.ACTION_MESSAGE:
        return event.payload.get("level") not in {LogLevel.DEBUG, LogLevel.INFO, None}
    return event.kind == Kind.ACTION_LOG
