"""Rules of lists of runs, and of forgetting them."""

from __future__ import annotations

from datetime import timedelta

from synapse_core.errors import RunNotFoundError, StoreError
from synapse_core.events import Draft, Kind
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary, Store
from synapse_core.testing.store.rules import Rules
from synapse_core.testing.store.samples import START, begun, draft, log, story
from synapse_core.testing.waiting import raises

_ENDS: dict[RunStatus, list[Draft]] = {
    RunStatus.PENDING: [],
    RunStatus.RUNNING: [draft(Kind.RUN_STARTED, number=1)],
    RunStatus.COMPLETED: story(),
    RunStatus.FAILED: [draft(Kind.RUN_STARTED, number=1), draft(Kind.RUN_FAILED, number=2, error="it broke")],
    RunStatus.CANCELLED: [draft(Kind.RUN_CANCELLED, number=1, error="cancelled")],
}


class ListRules(Rules):
    """What a store says of the runs that it has."""

    def test_an_empty_store_has_no_runs(self) -> None:
        """An empty list, no error."""

        async def body(store: Store) -> None:
            assert list(await store.list_runs()) == []

        self.run(body)

    def test_the_newest_come_first(self) -> None:
        """By id, which grows with time."""

        async def body(store: Store) -> None:
            ids = [await begun(store) for _ in range(5)]
            assert _ids(await store.list_runs()) == ids[::-1]

        self.run(body)

    def test_a_list_comes_in_pages(self) -> None:
        """``before`` goes on behind the last of the page before; each run is on one page."""

        async def body(store: Store) -> None:
            ids = [await begun(store) for _ in range(7)]
            found: list[str] = []
            while page := await store.list_runs(limit=3, before=found[-1] if found else None):
                assert len(page) <= 3
                found += _ids(page)
            assert found == ids[::-1]

        self.run(body)

    def test_by_status(self) -> None:
        """A run is listed with the status that it has now, and found by it."""

        async def body(store: Store) -> None:
            ids = {status: await begun(store) for status in _ENDS}
            for status, drafts in _ENDS.items():
                await store.append(ids[status], drafts)
            for status in RunStatus:
                assert _ids(await store.list_runs(status=status)) == [ids[status]]
            assert {run.id: run.status for run in await store.list_runs()} == {v: k for k, v in ids.items()}

        self.run(body)

    def test_by_name_and_age(self) -> None:
        """Filters can be combined, and go with pages."""

        async def body(store: Store) -> None:
            ids = [
                await begun(store, name="ab"[number % 2], at=START + timedelta(minutes=number)) for number in range(6)
            ]
            since = START + timedelta(minutes=2)
            assert _ids(await store.list_runs(name="a")) == [ids[4], ids[2], ids[0]]
            assert _ids(await store.list_runs(since=since)) == ids[:1:-1]
            assert _ids(await store.list_runs(name="b", since=since)) == [ids[5], ids[3]]
            assert _ids(await store.list_runs(name="b", since=since, limit=1, before=ids[5])) == [ids[3]]
            assert list(await store.list_runs(name="c")) == []

        self.run(body)

    def test_a_line_says_what_the_state_says(self) -> None:
        """Name, status, times, error and progress are those of the fold."""

        async def body(store: Store) -> None:
            for drafts in _ENDS.values():
                run_id = await begun(store, pipeline_id="p-1")
                await store.append(run_id, drafts)
                (line,) = [run for run in await store.list_runs() if run.id == run_id]
                state = await store.progress(run_id)
                assert line == RunSummary(
                    run_id,
                    "demo",
                    state.status,
                    START,
                    state.started_at,
                    state.completed_at,
                    state.error,
                    state.overall_progress,
                    "p-1",
                )

        self.run(body)

    def test_an_ended_run_can_be_forgotten(self) -> None:
        """Nothing of it is left, and others are not touched."""

        async def body(store: Store) -> None:
            run_id, other = await begun(store), await begun(store)
            await store.append(run_id, story())
            await store.delete(run_id)
            with raises(RunNotFoundError, run_id):
                await store.read(run_id)
            with raises(RunNotFoundError, run_id):
                await store.delete(run_id)
            assert _ids(await store.list_runs()) == [other]
            assert len(await store.read(other)) == 1

        self.run(body)

    def test_a_run_that_is_being_run_cannot(self) -> None:
        """While an engine holds it; the message says what to do."""

        async def body(store: Store) -> None:
            run_id = await begun(store, *_ENDS[RunStatus.RUNNING])
            lease = await store.acquire(run_id, "me", 60)
            with raises(StoreError, run_id, "cancel"):
                await store.delete(run_id)
            assert await store.append(run_id, [log(1)], lease=lease) == 3
            await store.append(run_id, [draft(Kind.RUN_CANCELLED)], lease=lease)
            await store.delete(run_id)

        self.run(body)

    def test_a_run_that_nobody_holds_can(self) -> None:
        """One whose engine died long ago and that nobody wants to recover."""

        async def body(store: Store) -> None:
            run_id = await begun(store, *_ENDS[RunStatus.RUNNING])
            await store.delete(run_id)
            assert list(await store.list_runs()) == []

        self.run(body)


def _ids(runs: object) -> list[str]:
    assert isinstance(runs, list | tuple), f"a sequence was promised, not {type(runs).__name__}"
    return [run.id for run in runs]
