"""Waiting for something to become so, with a deadline and no sleep that stands for "by now it must have"."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds until a wait is given up: a machine may be busy, and a test that passes waits for none of it."""

_PAUSE = 0.01


def wait_until(condition: Callable[[], T], what: str = "", *, patience: float = PATIENCE) -> T:
    """Wait until ``condition`` gives something true, and return that.

    Args:
        condition: asked again and again, from this thread.
        what: what is waited for, for the message.
        patience: seconds until it is given up.

    Raises:
        AssertionError: it did not become so.
    """
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain{_for(what)}; last: {found!r}"
        time.sleep(_PAUSE)
    return found


async def until(condition: Callable[[], Any], what: str = "", *, patience: float = PATIENCE) -> Any:
    """As `wait_until`, on a running loop; ``condition`` may be async."""
    deadline = time.monotonic() + patience
    while not (found := await _asked(condition)):
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain{_for(what)}; last: {found!r}"
        await asyncio.sleep(_PAUSE)
    return found


async def _asked(condition: Callable[[], Any]) -> Any:
    found = condition()
    return await found if isinstance(found, Awaitable) else found


def _for(what: str) -> str:
    return f" for {what}" if what else ""


@contextmanager
def raises(kind: type[BaseException], *parts: str) -> Iterator[list[BaseException]]:
    """The block must raise a ``kind`` whose message has all of ``parts``; the error is put into the list given.

    Raises:
        AssertionError: it raised nothing, or its message lacks a part.
    """
    caught: list[BaseException] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    assert caught, f"a {kind.__name__} should have been raised"
    for part in parts:
        assert part in str(caught[0]), f"{part!r} is not in the message of {caught[0]!r}"
