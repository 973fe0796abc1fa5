"""What a worker's process prints while an action runs, as log events of the action: `Prints`."""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import os
import re
import select
import threading

from synapse_core.builtin.process.output import Lines, flush_outputs
from synapse_core.errors import ActionCancelled
from synapse_core.worker import Reporter

_CHUNK = 1 << 16
_PIPE_SIZE = 1 << 20  # room for what native code prints while it lets no Python thread read


class Prints:
    """The two outputs of this process: taken while an action runs; Ray's, which notes every task there, otherwise.

    The file descriptors themselves are taken, so that what native code and child processes print is there too. A thread
    of its own reads; an action that prints nothing costs five system calls.
    """

    def __init__(self) -> None:
        flush_outputs()
        self._lock = threading.Lock()
        self._outputs = {output.reading: output for output in (_Output(1, "stdout"), _Output(2, "stderr"))}
        self._poll = select.poll()
        waiting = select.poll()
        for reading in self._outputs:
            self._poll.register(reading, select.POLLIN)
            waiting.register(reading, select.POLLIN)
        threading.Thread(target=self._read, args=(waiting,), name="synapse-prints", daemon=True).start()

    def begin(self, reporter: Reporter) -> None:
        """Tell the reporter what is printed from now on."""
        for output in self._outputs.values():
            output.begin(reporter)

    def end(self) -> None:
        """Tell it no more; all that was printed before has been reported when this returns."""
        flush_outputs()
        for output in self._outputs.values():
            output.give_back()
        with self._lock:
            while ready := self._poll.poll(0):
                self._pump(ready)
            for output in self._outputs.values():
                output.end()

    def _read(self, waiting: select.poll) -> None:
        while True:
            waiting.poll()
            with self._lock:
                self._pump(self._poll.poll(0))

    def _pump(self, ready: list[tuple[int, int]]) -> None:
        for reading, _ in ready:
            self._outputs[reading].pump()


class _Output:
    """One output: where it led, and the pipe that it is led to."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
        self._own = os.dup(fd)
        self.reading, self._writing = os.pipe()
        with contextlib.suppress(OSError):  # the user may have used up what pipes may take
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        if fd == 2:
            faulthandler.enable(self._own)  # a crash is told where Ray looks for it: nobody reads the pipe then
        self._reporter: Reporter | None = None
        self._lines: Lines | None = None

    def begin(self, reporter: Reporter) -> None:
        self._reporter = reporter
        os.dup2(self._writing, self._fd)

    def give_back(self) -> None:
        os.dup2(self._own, self._fd)

    def end(self) -> None:
        self._reporter = None
        if self._lines is not None:
            lines, self._lines = self._lines, None
            with contextlib.suppress(ActionCancelled):
                lines.close()

    def pump(self) -> None:
        """Pass on what is in the pipe; there is something."""
        chunk = os.read(self.reading, _CHUNK)
        if self._reporter is None:  # a child that is left, of an action that has ended
            os.write(self._own, chunk)
            return
        if self._lines is None:
            self._lines = _ActionsLines(self._reporter, self._name, self._own)
        # One that is held back, and told to stop, has nobody to tell the rest.
        with contextlib.suppress(ActionCancelled):
            self._lines.feed(chunk)


class _ActionsLines(Lines):
    """The lines that are the action's: what Ray logs to the same output goes on to where it led."""

    def __init__(self, reporter: Reporter, stream: str, own: int) -> None:
        super().__init__(reporter, stream)
        self._own = own

    def emit(self, line: str) -> None:
        if _RAYS.match(line):
            os.write(self._own, f"{line}\n".encode("utf-8", "backslashreplace"))
        else:
            super().emit(line)


_RAYS = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,.]+ [DIWEF] \d+ \d+\] |\d{4}-\d\d-\d\d [\d:,]+\t[A-Z]+ \S+\.py:\d+ -- ")
"""How lines of Ray's own log begin, of its native code's and of its Python's."""
