"""Waiting for a store that is away: `patiently`; and telling whatever else it does wrong as a `StoreError`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from synapse_core.errors import StoreError, StoreUnavailableError, SynapseError

T = TypeVar("T")


def pauses(seconds: float) -> Iterator[float]:
    """How long to wait before the next try, again and again, until so many seconds have passed."""
    start, pause = time.monotonic(), 0.05
    while time.monotonic() + pause - start <= seconds:
        yield pause
        pause = min(pause * 2, 2.0)


async def patiently(work: Callable[[], Awaitable[T]], seconds: float) -> T:
    """What ``work`` gives; it is tried again while the store is away, for ``seconds``.

    Raises:
        StoreError: it failed, or is away still.
    """
    waits: Iterator[float] | None = None
    while True:
        try:
            return await work()
        except StoreUnavailableError:
            waits = waits or pauses(seconds)
            pause = next(waits, None)
            if pause is None:
                raise
        except StoreError:
            raise
        except Exception as error:
            raise told(error) from error
        await asyncio.sleep(pause)


def patiently_now(work: Callable[[], T], seconds: float) -> T:
    """As `patiently`, in a thread that may wait.

    Raises:
        StoreError: as `patiently`.
    """
    waits: Iterator[float] | None = None
    while True:
        try:
            return work()
        except StoreUnavailableError:
            waits = waits or pauses(seconds)
            pause = next(waits, None)
            if pause is None:
                raise
        except StoreError:
            raise
        except Exception as error:
            raise told(error) from error
        time.sleep(pause)


@contextmanager
def store_errors() -> Iterator[None]:
    """Whatever a store raises is a `StoreError`: an engine that met anything else would not know what to do.

    Raises:
        StoreError: the store failed.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise told(error) from error


def told(error: Exception) -> StoreError:
    """What a store has raised, as a `StoreError`."""
    if isinstance(error, SynapseError):  # the run was deleted, say
        return StoreError(error.message, hint=error.hint)
    return StoreError(f"the store failed: {type(error).__name__}: {error}")
