"""How the rules of executors are run: `Rules`, which an executor's test class is made from."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from synapse_core.actiondef import spec_of
from synapse_core.events import Draft
from synapse_core.protocols import Attempt, Call, Executor, Outcome

Body = Callable[[Executor, Path], Awaitable[None]]


class Rules:
    """The base of the rules; a subclass says in `make_executor` what executor they are for.

    Attributes:
        forces: whether a cancel can end an action that does not listen.
        isolates: whether an attempt has a process of its own, so that a crash fails only it.
    """

    forces: bool = False
    isolates: bool = False

    def make_executor(self) -> Executor | Awaitable[Executor]:
        """A new executor; called on the loop that it is then used on. It may be a coroutine."""
        raise NotImplementedError(f"{type(self).__name__} has no make_executor()")

    def run(self, body: Body) -> None:
        """Run a test's body with an executor and a folder, on a loop of its own."""

        async def main() -> None:
            made = self.make_executor()
            executor = await made if inspect.isawaitable(made) else made
            try:
                with tempfile.TemporaryDirectory(prefix="synapse-", ignore_cleanup_errors=True) as folder:
                    await body(executor, Path(folder))
            finally:
                await executor.aclose()

        asyncio.run(main())


@frozen
class Finished:
    """How an attempt ended, and all that it reported."""

    outcome: Outcome
    drafts: list[Draft]

    def of(self, kind: str) -> list[Draft]:
        """The reports of one kind."""
        return [draft for draft in self.drafts if draft.kind == kind]

    def messages(self, kind: str) -> list[str]:
        """What the reports of one kind say."""
        return [draft.payload["message"] for draft in self.of(kind)]


def call_of(target: Any, params: Mapping[str, Any] | None = None, **more: Any) -> Call:
    """A call as the engine makes it."""
    spec = spec_of(target)
    given = {"run_id": "run-1", "action": spec.name, "attempt": 1, "spec": spec, "root": spec.root, **more}
    return Call(entrypoint=spec.entrypoint, params=params or {}, **given)


async def finished(executor: Executor, call: Call) -> Finished:
    """Run an attempt to its end, taking its reports meanwhile as an engine does."""
    return await ended(executor.start(call, lambda: None))


def setter(event: asyncio.Event) -> Callable[[], None]:
    """What sets the event from any thread: a ``wake`` for `Executor.start`."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        loop.call_soon_threadsafe(event.set)

    return wake


async def ended(attempt: Attempt) -> Finished:
    """As `finished`, of an attempt that was started."""
    drafts: list[Draft] = []
    end = asyncio.ensure_future(attempt.outcome())
    while True:
        done, _ = await asyncio.wait({end}, timeout=0.02)
        drafts += attempt.drain()
        if done:
            return Finished(end.result(), drafts)


def expect(outcome: Outcome, status: str, *parts: str) -> None:
    """The outcome must have that status, and its failure, if parts are given, all of them in type and message."""
    assert outcome.status == status, f"{outcome.status}, not {status}: {outcome.failure}"
    told = "" if outcome.failure is None else f"{outcome.failure.type}: {outcome.failure.message}"
    for part in parts:
        assert part in told, f"{part!r} is not in {told!r}"
