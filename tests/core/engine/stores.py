"""A store that can be made to fail: a memory store behind a wall."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from synapse_core.builtin.memory import MemoryStore
from synapse_core.errors import StoreUnavailableError
from synapse_core.events import Draft, Event
from synapse_core.protocols import Lease

Fault = Callable[[str], BaseException | None]
"""What a call of that name is to raise."""


def away(_call: str) -> BaseException:
    """The store does not answer."""
    return StoreUnavailableError("the store does not answer")


_COROUTINES = {"create", "record", "read", "progress", "list_runs", "checkpoints", "acquire", "renew", "lease"}
_COROUTINES |= {"release", "delete", "aclose"}


class Walled:
    """The protocol's coroutines, each of which first meets what `fault` says; and a note of all that was appended."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.fault: Fault = lambda _call: None
        self.calls: list[str] = []
        self.written: list[Draft] = []

    def meet(self, call: str) -> None:
        self.calls.append(call)
        error = self.fault(call)
        if error is not None:
            raise error

    def __getattr__(self, name: str) -> Any:
        if name not in _COROUTINES:
            raise AttributeError(name)
        found = getattr(self.inner, name)

        async def guarded(*args: Any, **kwargs: Any) -> Any:
            self.meet(name)
            return await found(*args, **kwargs)

        return guarded

    async def append(
        self, run_id: str, drafts: Sequence[Draft], *, checkpoints: Any = (), lease: Lease | None = None
    ) -> int:
        self.meet("append")
        last = await self.inner.append(run_id, drafts, checkpoints=checkpoints, lease=lease)
        self.written += drafts
        return last

    async def watch(self, run_id: str, *, after: int = 0, kinds: Any = None) -> AsyncIterator[list[Event]]:
        self.meet("watch")
        async for batch in self.inner.watch(run_id, after=after, kinds=kinds):
            self.meet("watched")
            yield batch


class WalledDirect(Walled):
    """One that can also be written to from the threads of actions, where it may have to wait."""

    waits = True

    def append_now(
        self, run_id: str, drafts: Sequence[Draft], checkpoints: Any = (), lease: Lease | None = None
    ) -> int:
        self.meet("append")
        last = self.inner.append_now(run_id, drafts, checkpoints, lease)
        self.written += drafts
        return last
