"""`Stage`: the bottom of one terminal, shared by all runs that are shown live on it.

A terminal has one place to draw; several runs of one process, each with a display of its own, would write over each
other. One thread draws about ten times a second, from the newest state, however many events there are.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from synapse_core.builtin.console.prints import Printed, Prints
from synapse_core.builtin.console.view import FRAMES_A_SECOND

Draw = Callable[[int], RenderableType]
"""Draws a run in a number of lines at most."""

_MOST_PRINTED = 1_000_000

_stages: dict[Console, Stage] = {}
_lock = threading.Lock()


class Stage:
    """Draws what was put on it until the last drawing has left; made by `enter`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._draws: list[Draw] = []
        self._lines: deque[Text] = deque()
        self._last: list[RenderableType] = []
        self._printed: deque[str] = deque()
        self._printed_size = 0
        self._room = threading.Condition()
        self._streams: list[tuple[str, TextIO, Prints]] = []
        self._stop = threading.Event()
        self._gone = False
        self._live = Live(
            console=console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._thread = threading.Thread(target=self._work, name="synapse-display", daemon=True)

    def line(self, line: Text) -> None:
        """Have a line written above the drawings."""
        self._lines.append(line)

    def leave(self, draw: Draw, last: RenderableType) -> None:
        """Take a drawing off; ``last`` stays in its place."""
        with _lock:
            self._draws.remove(draw)
            self._last.append(last)
            if not self._draws:
                del _stages[self._console]
                self._end()

    # -- within -----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._live.start()
        self._catch("stdout")
        self._catch("stderr")
        atexit.register(self._end)
        self._thread.start()

    def _end(self) -> None:
        """Write what is left and give the terminal back."""
        atexit.unregister(self._end)
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        for name, stream, prints in self._streams:
            if getattr(sys, name) is prints:
                setattr(sys, name, stream)
            prints.finish()
        self._draws = []
        self._frame()
        self._live.transient = True
        with contextlib.suppress(OSError):
            self._live.stop()

    def _work(self) -> None:
        while not self._stop.wait(1 / FRAMES_A_SECOND):
            self._frame()

    def _frame(self) -> None:
        """Write what is new and draw the rest below it, in one piece."""
        if self._gone:
            return
        try:
            with self._console:
                self._write_above()
                self._live.update(Group(*(draw(self._height()) for draw in list(self._draws))), refresh=True)
        except OSError:  # the terminal is gone; the run is not
            self._gone = True
            self._take_printed()

    def _write_above(self) -> None:
        printed, lines = self._take_printed(), [self._lines.popleft() for _ in range(len(self._lines))]
        if printed:
            self._console.print(Printed(printed), soft_wrap=True)
        if lines:
            self._console.print(Text("\n").join(lines), soft_wrap=True)
        while self._last:
            self._console.print(self._last.pop(0))

    def _height(self) -> int:
        return max((self._console.height - 1) // max(len(self._draws), 1), 3)

    # -- what actions print -----------------------------------------------------------------------------------

    def _catch(self, name: str) -> None:
        stream: TextIO | None = getattr(sys, name)
        if stream is not None and (stream is self._console.file or (name == "stderr" and stream.isatty())):
            prints = Prints(stream, self._print)
            self._streams.append((name, stream, prints))
            setattr(sys, name, cast("TextIO", prints))

    def _print(self, text: str) -> None:
        """Take printed lines; while there are very many, whoever prints waits, as for any terminal."""
        with self._room:
            self._room.wait_for(lambda: self._printed_size < _MOST_PRINTED or self._stop.is_set() or self._gone)
            if not self._gone:
                self._printed.append(text)
                self._printed_size += len(text)

    def _take_printed(self) -> str:
        with self._room:
            text = "".join(self._printed)
            self._printed.clear()
            self._printed_size = 0
            self._room.notify_all()
        return text


def enter(console: Console, draw: Draw) -> Stage:
    """Put a drawing on the console's stage; the first one makes the stage."""
    with _lock:
        stage = _stages.get(console)
        if stage is None:
            stage = _stages[console] = Stage(console)
            stage._draws.append(draw)
            stage._begin()
        else:
            stage._draws.append(draw)
        return stage
