"""`LoopThread`: one daemon thread with one event loop, made when first needed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines on a loop of its own, for callers on any thread and any loop.

    Args:
        name: of the thread.
        owner: what the loop is of, for messages.
    """

    def __init__(self, name: str, owner: str = "session") -> None:
        self._name = name
        self._owner = owner
        self._over = f"this {owner} is closed"
        self._lock = threading.RLock()  # an iteration that is left to the garbage collector begins its end anywhere
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._pid = os.getpid()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop; its thread runs from the first time on that this is asked for.

        Raises:
            RuntimeError: as `check`.
        """
        if self.is_foreign:
            self.check()  # the lock may have been held when the process was forked
        with self._lock:
            self.check()
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._serve, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    def check(self) -> None:
        """Whether anything can be run there.

        Raises:
            RuntimeError: it was closed, or is that of the process which this one was forked from.
        """
        if self.is_foreign:
            raise RuntimeError(f"this {self._owner} is of the process that this one was forked from: make one here")
        if self._closed:
            raise RuntimeError(self._over)

    @property
    def is_foreign(self) -> bool:
        """Whether this is a fork of the process that it was made in, where its thread does not run."""
        return os.getpid() != self._pid

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(_end_all())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have ``work`` run there."""
        try:
            loop = self.loop
            with self._lock:  # what is begun before `close` is ended by it; what came after would never be done
                self.check()
                return asyncio.run_coroutine_threadsafe(work, loop)
        except RuntimeError:
            work.close()
            raise

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` there and wait for it; blocks.

        Raises:
            RuntimeError: this is the loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(f"a {self._owner} cannot be waited for in its own thread; use the _async methods")
        try:
            return self.begin(work).result()
        except CancelledError:
            if self._closed:
                raise RuntimeError(self._over) from None
            raise

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` there, from whatever loop this is."""
        if threading.current_thread() is self._thread:
            return await work
        try:
            return await asyncio.wrap_future(self.begin(work))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and not (task and task.cancelling()):
                raise RuntimeError(self._over) from None
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Iterate there, for a caller that blocks; Ctrl-C ends the waiting and the iteration."""
        step = None
        try:
            while True:
                step = self.begin(_next(items))
                try:
                    yield step.result()
                except StopAsyncIteration:
                    return
                except CancelledError:
                    raise RuntimeError(self._over) from None
        finally:
            if step is not None:
                step.cancel()
            if not self._closed:
                self.call(_close(items))

    async def iterate_async(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """Iterate there, from whatever loop this is."""
        try:
            while True:
                try:
                    yield await self.run(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            if not self._closed:
                await self.run(_close(items))

    def close(self) -> None:
        """End what still runs there, stop the loop, and wait for its thread, a little."""
        if self.is_foreign:
            return
        with self._lock:
            self._closed = True
            if self._loop is None:
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(5)


async def _end_all() -> None:
    """Cancel all that still runs on this loop, so that nobody waits for it for ever."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)


async def _close(items: AsyncIterator[Any]) -> None:
    close = getattr(items, "aclose", None)
    while getattr(items, "ag_running", False):  # noqa: ASYNC110  a step that was given up tells nobody when it is over
        await asyncio.sleep(0)
    if close is not None:
        await close()
