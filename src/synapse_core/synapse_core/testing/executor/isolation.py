"""Rules of isolation: what an action does to its process harms nobody else, and nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from synapse_core.protocols import Executor
from synapse_core.testing import actions
from synapse_core.testing.executor.rules import Rules, call_of, expect, finished
from synapse_core.testing.processes import alive
from synapse_core.testing.waiting import PATIENCE, until


class IsolationRules(Rules):
    """What holds where an attempt has a process of its own."""

    def test_the_process_is_another_of_the_same_python(self) -> None:
        """Not whatever is called python on the path; and a new one for each attempt."""
        if not self.isolates:
            return

        async def body(executor: Executor, folder: Path) -> None:
            call = call_of(actions.describe, work_dir=str(folder / "a" / "b" / "c"))
            first, second = [(await finished(executor, call)).outcome.result for _ in range(2)]
            assert first["python"] == sys.executable
            assert len({first["pid"], second["pid"], os.getpid()}) == 3

        self.run(body)

    def test_a_crash_fails_that_attempt(self) -> None:
        """A hard exit, a fault in native code, a kill: each is told as what it was."""
        if not self.isolates:
            return

        async def body(executor: Executor, _folder: Path) -> None:
            bystander = asyncio.ensure_future(finished(executor, call_of(actions.flood, {"lines": 2000})))
            expect((await finished(executor, call_of(actions.hard_exit))).outcome, "died", "hard_exit", "exit code 3")
            expect((await finished(executor, call_of(actions.segfault))).outcome, "died", "SIGSEGV", "native code")
            expect((await finished(executor, call_of(actions.kill_self))).outcome, "died", "SIGKILL", "out of memory")
            expect((await bystander).outcome, "completed")

        self.run(body)

    def test_what_is_printed_is_logged(self) -> None:
        """Line by line, from both outputs; what is no text is escaped, and forges no report."""
        if not self.isolates:
            return

        async def body(executor: Executor, _folder: Path) -> None:
            done = await finished(executor, call_of(actions.print_binary))
            assert done.outcome.result == {"printed": True}
            lines = {(d.payload["data"]["stream"], d.payload["message"]) for d in done.of("action.log")}
            assert ("stdout", "before") in lines
            assert ("stdout", "\x00\\xff\\xfe binary \\x80") in lines
            assert ("stderr", "\\xc3( to stderr, and no end of line") in lines

        self.run(body)

    def test_nothing_that_it_started_is_left(self) -> None:
        """Children, those in sessions of their own, without environment, and orphans of orphans."""
        if not self.isolates:
            return

        async def body(executor: Executor, folder: Path) -> None:
            pids = folder / "pids"
            done = await finished(executor, call_of(actions.spawn_children, {"pids": str(pids)}))
            expect(done.outcome, "completed")
            await until(lambda: not alive(pids.read_text()), "all that it started to be gone")

        self.run(body)

    def test_nothing_that_it_started_outlives_a_cancel(self) -> None:
        """As above, while the action runs."""
        if not self.isolates:
            return

        async def body(executor: Executor, folder: Path) -> None:
            pids = folder / "pids"
            call = call_of(actions.spawn_children, {"pids": str(pids), "hang": True})
            attempt = executor.start(call, lambda: None)
            await until(lambda: pids.exists() and len(pids.read_text().split()) == 4, "the children")
            await asyncio.wait_for(attempt.cancel("enough", 30.0), PATIENCE)
            expect(await attempt.outcome(), "cancelled")
            await until(lambda: not alive(pids.read_text()), "all that it started to be gone")

        self.run(body)

    def test_a_thread_left_behind_holds_nothing_up(self) -> None:
        """The outcome is there, so the attempt ends, whatever the action has left running in its process."""
        if not self.isolates:
            return

        async def body(executor: Executor, _folder: Path) -> None:
            done = await asyncio.wait_for(finished(executor, call_of(actions.leave_thread)), PATIENCE)
            expect(done.outcome, "completed")
            assert any("leave_thread" in message and "killed" in message for message in done.messages("action.log"))

        self.run(body)

    def test_a_fork_that_comes_back_is_not_heard(self) -> None:
        """The action's own outcome counts, not that of a child that returns into our code."""
        if not self.isolates:
            return

        async def body(executor: Executor, _folder: Path) -> None:
            for _ in range(3):
                done = await asyncio.wait_for(finished(executor, call_of(actions.fork_and_return)), PATIENCE)
                assert done.outcome.result == {"who": "parent"}

        self.run(body)
