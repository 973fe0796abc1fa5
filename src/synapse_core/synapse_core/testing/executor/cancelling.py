"""Rules of cancelling: asked first, forced where that can be done, and an outcome soon after the grace period."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from synapse_core.protocols import Attempt, Call, Executor
from synapse_core.testing import actions
from synapse_core.testing.executor.rules import Body, Rules, call_of, expect, finished, setter
from synapse_core.testing.processes import is_alive
from synapse_core.testing.waiting import PATIENCE, until

_LONG = 300.0
"""A grace period that no test waits out."""


class CancelRules(Rules):
    """What an executor does to end an attempt."""

    def test_an_action_that_listens_ends(self) -> None:
        """Its ``finally`` runs, and the outcome says that it was cancelled, and why."""

        async def body(executor: Executor, folder: Path) -> None:
            attempt = await _started(executor, folder, actions.wait)
            await asyncio.wait_for(attempt.cancel("enough of it", _LONG), PATIENCE)
            expect(await attempt.outcome(), "cancelled", "enough of it")
            assert (folder / "cleaned").exists()

        self.run(body)

    def test_an_async_action_is_cancelled_where_it_awaits(self) -> None:
        """CancelledError is raised in it, so that it can clean up."""

        async def body(executor: Executor, folder: Path) -> None:
            attempt = await _started(executor, folder, actions.async_wait)
            await asyncio.wait_for(attempt.cancel("enough", _LONG), PATIENCE)
            expect(await attempt.outcome(), "cancelled")
            assert (folder / "cleaned").exists()

        self.run(body)

    def test_an_action_that_does_not_listen_is_ended_or_left(self) -> None:
        """Ended by force where the executor can; else left behind, and said to be, with what to do."""

        async def body(executor: Executor, folder: Path) -> None:
            attempt = await _started(executor, folder, actions.hang_on)
            pid = int((folder / "started").read_text())
            await asyncio.wait_for(attempt.cancel("enough", 0.05), PATIENCE)
            outcome = await attempt.outcome()
            if self.forces:
                assert outcome.status in {"cancelled", "died"}
                await until(lambda: not is_alive(pid), "the process to be gone")
            else:
                expect(outcome, "abandoned", "hang_on", "still runs", "process")
                assert attempt.drain() == []

        self.run(_releasing(body))

    def test_cleanup_has_the_grace_period(self) -> None:
        """An action that is still cleaning up is not forced before."""

        async def body(executor: Executor, folder: Path) -> None:
            attempt = await _started(executor, folder, actions.slow_cleanup)
            cancelling = asyncio.ensure_future(attempt.cancel("enough", _LONG))
            await until((folder / "cleaning").exists, "the cleanup to begin")
            (folder / "release").touch()
            await asyncio.wait_for(cancelling, PATIENCE)
            expect(await attempt.outcome(), "cancelled")
            assert (folder / "cleaned").exists()

        self.run(body)

    def test_a_second_cancel_shortens_the_grace(self) -> None:
        """Whoever presses Ctrl-C twice does not want to wait."""

        async def body(executor: Executor, folder: Path) -> None:
            attempt = await _started(executor, folder, actions.hang_on)
            first = asyncio.ensure_future(attempt.cancel("enough", _LONG))
            await asyncio.sleep(0)
            await asyncio.wait_for(attempt.cancel("now", 0.0), PATIENCE)
            assert (await attempt.outcome()).status in {"cancelled", "died", "abandoned"}
            await asyncio.wait_for(first, PATIENCE)

        self.run(_releasing(body))

    def test_a_cancel_at_once_is_heard(self) -> None:
        """Before the action has begun: it may begin, but it ends."""

        async def body(executor: Executor, folder: Path) -> None:
            attempt = executor.start(_waiting(folder, actions.wait), lambda: None)
            await asyncio.wait_for(attempt.cancel("at once", _LONG), PATIENCE)
            expect(await attempt.outcome(), "cancelled", "at once")

        self.run(body)

    def test_a_cancel_after_the_end_changes_nothing(self) -> None:
        """The outcome stays what it was."""

        async def body(executor: Executor, _folder: Path) -> None:
            attempt = executor.start(call_of(actions.echo, {"a": 1}), lambda: None)
            expect(await attempt.outcome(), "completed")
            await asyncio.wait_for(attempt.cancel("too late", 0.0), PATIENCE)
            expect(await attempt.outcome(), "completed")

        self.run(body)

    def test_an_action_held_back_by_its_reports_can_be_cancelled(self) -> None:
        """Nobody drains any more, and it waits for room: a cancel reaches it there."""

        async def body(executor: Executor, _folder: Path) -> None:
            woken = asyncio.Event()
            attempt = executor.start(call_of(actions.flood, {"lines": 10**9}), setter(woken))
            await asyncio.wait_for(woken.wait(), PATIENCE)
            # Its outcome may wait for room, too: whoever can force it does so in the end, and nobody else has to.
            await asyncio.wait_for(attempt.cancel("enough", 0.5 if self.forces else _LONG), PATIENCE)
            assert (await attempt.outcome()).status in {"cancelled", "died"}

        self.run(body)

    def test_others_are_not_touched(self) -> None:
        """One of several is cancelled; the others end as they would."""

        async def body(executor: Executor, folder: Path) -> None:
            attempt = await _started(executor, folder, actions.wait)
            others = [asyncio.ensure_future(finished(executor, call_of(actions.echo, {"n": n}))) for n in range(3)]
            await attempt.cancel("enough", _LONG)
            assert [(await other).outcome.result for other in others] == [{"n": n} for n in range(3)]

        self.run(body)

    def test_closing_ends_what_runs(self) -> None:
        """Where the executor can force it, no process is left."""
        if not self.forces:
            return

        async def body(executor: Executor, folder: Path) -> None:
            attempt = await _started(executor, folder, actions.hang_on)
            pid = int((folder / "started").read_text())
            await asyncio.wait_for(executor.aclose(), PATIENCE)
            assert (await attempt.outcome()).status in {"cancelled", "died"}
            await until(lambda: not is_alive(pid), "the process to be gone")

        self.run(_releasing(body))


def _waiting(folder: Path, action: Any) -> Call:
    names = ("started", "release", "cleaning", "cleaned")
    return call_of(action, {name: str(folder / name) for name in names})


async def _started(executor: Executor, folder: Path, action: Any) -> Attempt:
    """An attempt that has begun its work."""
    attempt = executor.start(_waiting(folder, action), lambda: None)
    started = folder / "started"
    await until(lambda: started.exists() and started.read_text(), "the action to begin")
    return attempt


def _releasing(body: Body) -> Body:
    """Let an action that does not listen end after the test: a thread cannot be forced."""

    async def released(executor: Executor, folder: Path) -> None:
        try:
            await body(executor, folder)
        finally:
            (folder / "release").touch()
            if (folder / "started").read_text() == str(os.getpid()):
                await until((folder / "cleaned").exists, "what was left behind to end")

    return released
