"""Server-sent events, as the WHATWG HTML standard has them: `frame` writes one, `Parser` reads a stream of them."""

from __future__ import annotations

import codecs

from attrs import frozen

HEARTBEAT = b":\n\n"
"""A comment: keeps proxies open, and is no event."""


def frame(data: bytes, *, event: str | None = None, id: str | int | None = None, retry: int | None = None) -> bytes:  # noqa: A002  the field's name
    """One event; ``data`` is one line, as JSON text is."""
    lines = [] if retry is None else [b"retry: %d" % retry]
    if id is not None:
        lines.append(f"id: {id}".encode())
    if event is not None:
        lines.append(f"event: {event}".encode())
    return b"\n".join([*lines, b"data: " + data, b"", b""])


@frozen
class Message:
    """One event that was dispatched; ``id`` is the last one that the stream has named, here or before."""

    event: str
    data: str
    id: str


class Parser:
    """Reads an event stream as its bytes come, however they are cut.

    Attributes:
        last_event_id: the last that was dispatched; where to resume from.
        retry: milliseconds to wait before connecting again, if the stream has said.
    """

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line: list[str] = []
        self._started = False
        self._after_cr = False
        self._event = ""
        self._id = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Message]:
        """The events that this chunk completes."""
        text = self._decoder.decode(chunk)
        if text and not self._started:
            self._started = True
            text = text.removeprefix("\ufeff")
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        self._after_cr = self._after_cr or text.endswith("\r")
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        found = [message for line in lines if (message := self._end_line(line)) is not None]
        if rest:
            self._line.append(rest)
        return found

    def _end_line(self, end: str) -> Message | None:
        line = "".join((*self._line, end)) if self._line else end
        self._line.clear()
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            self._id = self._id if "\0" in value else value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value[:9])

    def _dispatch(self) -> Message | None:
        self.last_event_id = self._id
        data, event = self._data, self._event
        self._data, self._event = [], ""
        return Message(event or "message", "\n".join(data), self._id) if data else None
