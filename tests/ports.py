"""Ports for what a test starts in a process of its own, which so has to be told one."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

_FIRST, _LAST = 20_000, 32_767
"""Below are the ports of Ray's workers, above those that Linux gives to whoever connects: neither may meet ours."""


def _candidates() -> Iterator[int]:
    """All of them once, then again; from a place of its own, as another run of the tests may go on beside this one."""
    at = random.randrange(_FIRST, _LAST)
    while True:
        yield at
        at = _FIRST if at == _LAST else at + 1


_left = _candidates()


def free_port() -> int:
    """A port that nobody listens on now, and that nobody else who asks here is given soon."""
    while True:
        port = next(_left)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("", port))
            except OSError:
                continue
        return port
