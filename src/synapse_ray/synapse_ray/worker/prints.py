"""What a worker's process prints while an action runs, as log events of the action: `Prints`."""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import os
import selectors
import threading

from synapse_core.builtin.process.output import Lines, flush_outputs
from synapse_core.errors import ActionCancelled
from synapse_core.worker import Reporter

_CHUNK = 1 << 16
_PIPE_SIZE = 1 << 20  # room for what native code prints while it lets no Python thread read


class Prints:
    """The two outputs of this process: taken while an action runs, the process's own otherwise.

    The file descriptors themselves are taken, so that what native code and child processes print is there too. It costs
    four system calls an action; a thread of its own reads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outputs = [_Output(1, "stdout"), _Output(2, "stderr")]
        faulthandler.enable(self._outputs[1].own)  # a crash is told where Ray looks for it
        threading.Thread(target=self._read, name="synapse-prints", daemon=True).start()

    def begin(self, reporter: Reporter) -> None:
        """Take what is printed from now on."""
        flush_outputs()
        for output in self._outputs:
            output.begin(reporter)

    def end(self) -> None:
        """Take no more; all that was printed before has been reported when this returns."""
        flush_outputs()
        with self._lock:
            for output in self._outputs:
                output.end()

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            for output in self._outputs:
                selector.register(output.reading, selectors.EVENT_READ, output)
            while True:
                ready = selector.select()
                with self._lock:
                    for key, _ in ready:
                        key.data.pump()


class _Output:
    """One output: the file descriptor, where it led, and the pipe that it is led to."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
        self.own = os.dup(fd)
        self.reading, self._writing = os.pipe()
        os.set_blocking(self.reading, False)
        with contextlib.suppress(OSError):  # the user may have used up what pipes may take
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._lines: Lines | None = None

    def begin(self, reporter: Reporter) -> None:
        self._lines = Lines(reporter, self._name)
        os.dup2(self._writing, self._fd)

    def end(self) -> None:
        os.dup2(self.own, self._fd)
        while self.pump():
            pass
        lines, self._lines = self._lines, None
        if lines is not None:
            with contextlib.suppress(ActionCancelled):
                lines.close()

    def pump(self) -> bool:
        """Pass on what is in the pipe; whether there was anything."""
        try:
            chunk = os.read(self.reading, _CHUNK)
        except BlockingIOError:
            return False
        if self._lines is None:
            os.write(self.own, chunk)
            return True
        try:
            self._lines.feed(chunk)
        except ActionCancelled:  # held back, and told to stop: there is nobody to tell the rest
            self._lines = None
        return True
