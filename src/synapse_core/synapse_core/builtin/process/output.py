"""What a process prints, as log events, line by line: `Lines`."""

from __future__ import annotations

import codecs
import sys
from collections import deque
from contextlib import suppress

from synapse_core.events import Kind
from synapse_core.worker import Reporter

_LONGEST = 16 * 1024
_LAST = 30


class Lines:
    """Makes log events of one output stream. Bytes that are no UTF-8 are escaped, long lines cut in pieces.

    ``last`` has the newest lines.
    """

    def __init__(self, reporter: Reporter, stream: str) -> None:
        self._reporter = reporter
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""
        self.last: deque[str] = deque(maxlen=_LAST)

    def feed(self, chunk: bytes) -> None:
        """Take what was printed."""
        *lines, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        for line in lines:
            self.emit(line)
        while len(self._rest) > _LONGEST:
            self.emit(self._rest[:_LONGEST])
            self._rest = self._rest[_LONGEST:]

    def close(self) -> None:
        """The stream has ended."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        if rest:
            self.emit(rest)

    def emit(self, line: str) -> None:
        """Make one line an event."""
        text = line.rstrip("\r")
        self.last.append(text)
        self._reporter.emit(Kind.ACTION_LOG, {"level": "info", "message": text, "data": {"stream": self._stream}})


def flush_outputs() -> None:
    """Write out what this process has printed so far."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # an action may have put anything there
            stream.flush()
