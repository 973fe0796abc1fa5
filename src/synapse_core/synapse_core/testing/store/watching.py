"""Rules of watching: what was, then what comes, each once and in order, to the end of the run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator

from synapse_core.errors import RunNotFoundError
from synapse_core.events import Event, Kind
from synapse_core.protocols import Store
from synapse_core.testing.store.rules import Rules, gathered
from synapse_core.testing.store.samples import begun, draft, everything, log, story
from synapse_core.testing.waiting import PATIENCE, raises, until

_END = draft(Kind.RUN_COMPLETED, number=999)


class WatchRules(Rules):
    """What a store tells those who watch a run."""

    def test_history_comes_first_and_then_what_happens(self) -> None:
        """Each event once, in order; the end of the run ends the watch."""

        async def body(store: Store) -> None:
            run_id = await begun(store, log(1))
            seen: list[Event] = []

            async def watcher() -> None:
                async for batch in store.watch(run_id):
                    assert batch, "an empty batch says nothing"
                    seen.extend(batch)

            task = asyncio.create_task(watcher())
            await until(lambda: len(seen) == 2, "the history")
            for number in range(2, 40):
                await store.append(run_id, [log(number), log(number)])
            await until(lambda: len(seen) == 2 + 2 * 38, "what happened since")
            assert not task.done()
            await store.append(run_id, [log(40), _END])
            await asyncio.wait_for(task, PATIENCE)
            assert seen == await everything(store, run_id)

        self.run(body)

    def test_watching_may_start_later(self) -> None:
        """``after`` leaves out what the watcher has already."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            await store.append(run_id, story())
            assert [event.seq for event in await gathered(store.watch(run_id, after=12))] == [13, 14, 15, 16]
            assert await gathered(store.watch(run_id, after=16)) == []

        self.run(body)

    def test_some_kinds_only(self) -> None:
        """The watch ends with the run, also where the run's end is none of them."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            kinds = {Kind.ACTION_STARTED, Kind.ACTION_LOG}
            watching = asyncio.create_task(gathered(store.watch(run_id, kinds=kinds, after=1)))
            for each in story():
                await store.append(run_id, [each])
            assert [event.seq for event in await asyncio.wait_for(watching, PATIENCE)] == [3, 9, 12, 14]
            assert [event.seq for event in await gathered(store.watch(run_id, kinds=kinds))] == [3, 9, 12, 14]

        self.run(body)

    def test_the_end_of_a_run_alone_can_be_waited_for(self) -> None:
        """Whoever asks for the kinds of the end gets it."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            watching = asyncio.create_task(gathered(store.watch(run_id, kinds={Kind.RUN_COMPLETED})))
            await store.append(run_id, [log(number) for number in range(3000)])
            await store.append(run_id, [_END])
            assert [event.seq for event in await asyncio.wait_for(watching, PATIENCE)] == [3002]

        self.run(body)

    def test_a_long_history_is_told_whole(self) -> None:
        """Whoever comes late misses nothing."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            await store.append(run_id, [*(log(number) for number in range(4000)), _END])
            found = await asyncio.wait_for(gathered(store.watch(run_id)), PATIENCE)
            assert [event.seq for event in found] == list(range(1, 4003))

        self.run(body)

    def test_each_watcher_is_told_all(self) -> None:
        """Many of one run, and of others at the same time; one that leaves early disturbs none."""

        async def body(store: Store) -> None:
            run_id, other = await begun(store), await begun(store)
            watchers = [asyncio.create_task(gathered(store.watch(run_id))) for _ in range(10)]
            elsewhere = asyncio.create_task(gathered(store.watch(other)))
            leaving = store.watch(run_id)
            assert len(await anext(aiter(leaving))) == 1
            await _leave(leaving)
            for number in range(50):
                await store.append(run_id, [log(number)])
            await store.append(run_id, [_END])
            told = await asyncio.wait_for(asyncio.gather(*watchers), PATIENCE)
            assert told == [await everything(store, run_id)] * 10
            await store.append(other, [_END])
            assert len(await asyncio.wait_for(elsewhere, PATIENCE)) == 2

        self.run(body)

    def test_a_watcher_that_is_cancelled_lets_go(self) -> None:
        """A cancelled watch ends at once, and the store goes on."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            seen: list[Event] = []

            async def watcher() -> None:
                async for batch in store.watch(run_id):
                    seen.extend(batch)

            task = asyncio.create_task(watcher())
            await until(lambda: len(seen) == 1, "the first event")
            task.cancel()
            with raises(asyncio.CancelledError):
                await asyncio.wait_for(task, PATIENCE)
            await store.append(run_id, [_END])
            assert len(await gathered(store.watch(run_id))) == 2

        self.run(body)

    def test_a_slow_watcher_holds_nobody_up(self) -> None:
        """Writers do not wait for those who watch, and who watches slowly still gets all."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            watching = aiter(store.watch(run_id))
            seen = list(await anext(watching))
            for number in range(2500):
                await store.append(run_id, [log(number)])
            await store.append(run_id, [_END])
            async for batch in watching:
                seen += batch
            assert [event.seq for event in seen] == list(range(1, 2503))

        self.run(body)

    def test_watchers_may_have_loops_of_their_own(self) -> None:
        """A run is watched from other threads' loops while this one writes."""
        if not self.any_loop:
            return

        async def body(store: Store) -> None:
            run_id = await begun(store)
            told: list[list[Event]] = []
            threads = [
                threading.Thread(target=lambda: told.append(asyncio.run(gathered(store.watch(run_id)))))
                for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            for number in range(100):
                await store.append(run_id, [log(number)])
            await store.append(run_id, [_END])
            for thread in threads:
                await asyncio.to_thread(thread.join, PATIENCE)
            assert told == [await everything(store, run_id)] * 3

        self.run(body)

    def test_a_run_that_is_deleted_is_not_waited_for(self) -> None:
        """A watcher of it is told so: it would wait for ever."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            watching = aiter(store.watch(run_id))
            await anext(watching)
            waiting = asyncio.ensure_future(anext(watching))
            await asyncio.sleep(0)
            await store.delete(run_id)
            with raises(RunNotFoundError, run_id):
                await asyncio.wait_for(waiting, PATIENCE)

        self.run(body)


async def _leave(watching: AsyncIterator[list[Event]]) -> None:
    """Stop watching before the end."""
    assert isinstance(watching, AsyncGenerator), "watch is an async generator, so that a watcher can leave"
    await watching.aclose()
