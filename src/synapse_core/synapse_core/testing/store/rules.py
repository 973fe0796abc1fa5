"""How the rules of stores are run: `Rules`, which a store's test class is made from."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from synapse_core.protocols import Store

Body = Callable[[Store], Awaitable[None]]


class Rules:
    """The base of the rules; a subclass says in `make_store` what store they are for.

    Attributes:
        any_loop: whether one store may be used from several event loops at once.
    """

    any_loop: bool = True

    def make_store(self) -> Store | Awaitable[Store]:
        """A new store, with nothing in it; called on the loop that it is then used on. It may be a coroutine."""
        raise NotImplementedError(f"{type(self).__name__} has no make_store()")

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """A store for one test, closed behind it; override this where there is more to be put away."""
        made = self.make_store()
        store = await made if inspect.isawaitable(made) else made
        try:
            yield store
        finally:
            await store.aclose()

    def run(self, body: Body) -> None:
        """Run a test's body with a store, on a loop of its own."""

        async def main() -> None:
            async with self.store() as store:
                await body(store)

        asyncio.run(main())


async def gathered(watching: AsyncIterator[list[Any]]) -> list[Any]:
    """All that a watcher is told, to the end."""
    return [event async for batch in watching for event in batch]
