"""What actions print while a live display has the terminal: caught by the line, and written above it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from synapse_core.builtin.console.text import clean

_COLOUR = re.compile(r"(\x1b\[[\d;:]*m)")
_LONGEST = 65_536


class Prints:
    r"""Stands in for a stream: whole lines go to ``put``, each thread's own, so that two never mix.

    Of a line that is overwritten (``\r``, as progress bars do) only the last version is kept. Once it is finished,
    and in a forked child, where nobody listens to ``put``, it writes to the stream itself: a log handler may hold on
    to it for longer than the display lasts.
    """

    def __init__(self, stream: TextIO, put: Callable[[str], None]) -> None:
        self._stream = stream
        self._put = put
        self._parts: dict[int, str] = {}
        self._process: int | None = os.getpid()

    @property
    def rich_proxied_file(self) -> TextIO:
        """Where a rich console writes to when it finds this in place of a stream."""
        return self._stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Take text; what has no line's end yet waits for it."""
        if self._process != os.getpid():
            return self._stream.write(text)
        thread = threading.get_ident()
        whole, newline, part = (self._parts.pop(thread, "") + text).rpartition("\n")
        if newline:
            self._put("\n".join(map(_last_version, whole.split("\n"))) + "\n")
        if len(part) > _LONGEST and "\r" not in part[1:]:
            self._put(part + "\n")
        elif part:
            self._parts[thread] = _last_version(part) if len(part) > _LONGEST else part
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Take several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Lines are shown as soon as they end; once it is finished the stream is flushed."""
        if self._process != os.getpid():
            self._stream.flush()

    def finish(self) -> None:
        """Give away what has no line's end, and step aside."""
        self._process = None
        parts, self._parts = self._parts, {}
        for part in parts.values():
            self._put(_last_version(part) + "\n")


def _last_version(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


class Printed:
    """Printed lines as a renderable: as they are, but for what would drive the terminal; colours may stay."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self._text
        if not text.isascii() or "\x1b" in text or not text.replace("\n", "").isprintable():
            text = "\n".join(_tame(line, options.encoding) for line in text.split("\n"))
        yield Segment(text)


def _tame(line: str, encoding: str) -> str:
    parts = _COLOUR.split(line.expandtabs())
    tamed = [part if part.startswith("\x1b[") and _COLOUR.fullmatch(part) else clean(part, encoding) for part in parts]
    return "".join(tamed) + ("\x1b[0m" if len(parts) > 1 else "")
