"""Rules of reports: lossless but for progress, in order, and all there at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from attrs import evolve

from synapse_core.protocols import Executor
from synapse_core.testing import actions
from synapse_core.testing.executor.rules import Rules, call_of, expect, finished, setter
from synapse_core.testing.waiting import until


class ReportRules(Rules):
    """What comes of an action's reports."""

    def test_reports_come_in_order_and_complete(self) -> None:
        """Logs, metrics and messages one by one, under the action's name and attempt, with rising times."""

        async def body(executor: Executor, _folder: Path) -> None:
            params = {"logs": 300, "metrics": 50, "messages": 20, "text": "größe"}
            done = await finished(executor, call_of(actions.report, params, action="renamed", attempt=2))
            assert done.messages("action.log") == [f"größe {n}" for n in range(300)]
            assert [d.payload["data"] for d in done.of("action.log")] == [{"number": n} for n in range(300)]
            assert [d.payload["metrics"]["loss"] for d in done.of("action.metrics")] == [1 / n for n in range(1, 51)]
            assert done.messages("action.message") == [f"größe {n}" for n in range(20)]
            assert {(d.action, d.attempt) for d in done.drafts} == {("renamed", 2)}
            times = [d.time for d in done.drafts]
            assert times == sorted(times)
            assert all(time.utcoffset() is not None for time in times)

        self.run(body)

    def test_more_reports_than_are_held_push_back(self) -> None:
        """A flood is slowed down, and none of it is lost."""

        async def body(executor: Executor, _folder: Path) -> None:
            done = await finished(executor, call_of(actions.flood, {"lines": 30_000}))
            expect(done.outcome, "completed")
            assert done.messages("action.log") == [f"line {n}" for n in range(30_000)]

        self.run(body)

    def test_a_flood_asks_to_be_drained(self) -> None:
        """``wake`` is called long before the bound is reached, and the action waits for the drain."""

        async def body(executor: Executor, _folder: Path) -> None:
            woken = asyncio.Event()
            attempt = executor.start(call_of(actions.flood, {"lines": 30_000}), setter(woken))
            end = asyncio.ensure_future(attempt.outcome())
            drained = 0
            while not end.done():
                woken.clear()
                drained += len(attempt.drain())
                waiting = asyncio.ensure_future(woken.wait())
                await asyncio.wait({end, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            assert drained + len(attempt.drain()) == 30_000

        self.run(body)

    def test_progress_is_conflated(self) -> None:
        """Of many values a category keeps the newest; the last is always told."""

        async def body(executor: Executor, _folder: Path) -> None:
            done = await finished(executor, call_of(actions.report, {"progress": 20_000}))
            told = [draft.payload["current"] for draft in done.of("action.progress")]
            assert told[-1] == 20_000
            assert told == sorted(set(told))
            assert len(told) < 2_000

        self.run(body)

    def test_reports_can_be_taken_while_it_runs(self) -> None:
        """Somebody watches."""

        async def body(executor: Executor, folder: Path) -> None:
            release = folder / "release"
            attempt = executor.start(call_of(actions.log_and_wait, {"release": str(release)}), lambda: None)
            end = asyncio.ensure_future(attempt.outcome())
            drafts = await until(attempt.drain, "the first reports")
            assert drafts[0].payload["message"] == "waiting"
            assert not end.done()
            release.touch()
            expect(await end, "completed")

        self.run(body)

    def test_state_saved_midway_is_reported_and_comes_back(self) -> None:
        """The next attempt is given what the last one saved."""

        async def body(executor: Executor, folder: Path) -> None:
            call = call_of(actions.checkpointing, {"upto": 5, "fail_at": 4}, work_dir=str(folder / "a" / "b" / "c"))
            first = await finished(executor, call)
            expect(first.outcome, "failed", "failed at 4")
            saved = first.of("action.checkpoint")
            assert [draft.payload["state"] for draft in saved] == [{"count": n} for n in (1, 2, 3)]
            second = await finished(executor, evolve(call, attempt=2, midway=saved[-1].payload))
            assert second.outcome.result == {"count": 5, "begun": 3, "artifacts": str(folder / "a" / "b" / "c")}

        self.run(body)
