"""What parent and child say to each other: JSON values, each behind its length in four bytes."""

from __future__ import annotations

import json
import os
import struct
from typing import Any, BinaryIO

_HEADER = struct.Struct(">I")


def encode(value: Any) -> bytes:
    """One frame."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr).encode(
        "utf-8", "backslashreplace"
    )
    return _HEADER.pack(len(body)) + body


def read(pipe: BinaryIO) -> Any:
    """The next frame's value.

    Raises:
        EOFError: the other side is gone.
    """
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise EOFError
    size = _HEADER.unpack(header)[0]
    body = pipe.read(size)
    if len(body) < size:
        raise EOFError
    return json.loads(body)


def write(fd: int, value: Any) -> None:
    """Write one frame.

    Raises:
        OSError: the other side is gone.
    """
    data = memoryview(encode(value))
    while data:
        data = data[os.write(fd, data) :]


class Decoder:
    """Frames from chunks of bytes as they come."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, chunk: bytes) -> list[Any]:
        """The values of the frames that are complete with ``chunk``."""
        self._data += chunk
        values = []
        while len(self._data) >= _HEADER.size:
            end = _HEADER.size + _HEADER.unpack_from(self._data)[0]
            if len(self._data) < end:
                break
            values.append(json.loads(self._data[_HEADER.size : end]))
            del self._data[:end]
        return values
