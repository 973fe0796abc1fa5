"""Streams read by a raw socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from synapse_store.wire.sse import Message, Parser
from tests.store.serving import Served


class Reader:
    """An event stream, read from a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.parser = Parser()
        self._buffer = b""
        self._messages: list[Message] = []
        self.head = self._head()
        self.raw = b""

    def _head(self) -> str:
        while b"\r\n\r\n" not in self._buffer:
            data = self.sock.recv(65536)
            assert data, "closed before an answer"
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head.decode()

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    def _chunk(self) -> bytes:
        """The next chunk of the chunked body; empty at its end."""
        while b"\r\n" not in self._buffer:
            self._more()
        size, _, rest = self._buffer.partition(b"\r\n")
        count = int(size, 16)
        self._buffer = rest
        while len(self._buffer) < count + 2:
            self._more()
        chunk, self._buffer = self._buffer[:count], self._buffer[count + 2 :]
        return chunk

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        while not self._messages:
            chunk = self._chunk()
            if not chunk:
                raise StopIteration
            self.raw += chunk
            self._messages += self.parser.feed(chunk)
        return self._messages.pop(0)

    def state(self) -> tuple[Message, dict[str, Any]]:
        message = next(self)
        return message, json.loads(message.data)


@contextmanager
def stream(service: Served, path: str, *headers: str, receive: int | None = None) -> Iterator[Reader]:
    """Open a stream; ``receive``: bytes of the kernel's buffer on this side."""
    sock = socket.socket()
    if receive is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    sock.settimeout(60)
    sock.connect(service.address)
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{service.address[1]}", *headers, "", ""]
    sock.sendall("\r\n".join(lines).encode())
    try:
        yield Reader(sock)
    finally:
        sock.close()
