"""Rules of events: numbers, order, what comes back, and that the state is their fold."""

from __future__ import annotations

import asyncio

from attrs import evolve

from synapse_core.errors import RunNotFoundError, StoreError
from synapse_core.events import Kind
from synapse_core.fold import fold
from synapse_core.models import RunStatus
from synapse_core.protocols import Store
from synapse_core.testing.store import samples
from synapse_core.testing.store.rules import Rules
from synapse_core.testing.store.samples import begun, created, everything, log, new_run, plain, story
from synapse_core.testing.waiting import raises


class EventRules(Rules):
    """What a store does with events."""

    def test_events_are_numbered_from_one(self) -> None:
        """The first events have the numbers 1, 2, 3 …; `create` and `append` give the last one's."""

        async def body(store: Store) -> None:
            run = new_run()
            assert await store.create(run, [created(run), log(1)]) == 2
            assert await store.append(run.id, [log(2), log(3), log(4)]) == 5
            assert await store.append(run.id, [log(5)]) == 6
            assert [event.seq for event in await store.read(run.id)] == [1, 2, 3, 4, 5, 6]

        self.run(body)

    def test_each_run_counts_for_itself(self) -> None:
        """What happens in one run is not seen in another."""

        async def body(store: Store) -> None:
            first, second = await begun(store), await begun(store)
            assert await store.append(first, [log(1)]) == 2
            assert await store.append(second, [log(2)]) == 2
            assert [plain(event) for event in (await store.read(second))[1:]] == [plain(log(2))]
            assert {event.run_id for event in await store.read(first)} == {first}

        self.run(body)

    def test_no_events_are_no_change(self) -> None:
        """An append of nothing gives the last number there is."""

        async def body(store: Store) -> None:
            run_id = await begun(store, log(1))
            assert await store.append(run_id, []) == 2
            assert len(await store.read(run_id)) == 2

        self.run(body)

    def test_what_is_read_is_what_was_written(self) -> None:
        """Kind, time to the microsecond, action, attempt and payload come back, of kinds unknown too."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            await store.append(run_id, story())
            found = (await store.read(run_id))[1:]
            assert [plain(event) for event in found] == [plain(draft) for draft in story()]
            assert all(event.time.utcoffset() is not None for event in found), "times without a zone"

        self.run(body)

    def test_awkward_payloads_come_back(self) -> None:
        """Unicode, control characters, huge and tiny numbers, nothing at all, a megabyte."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            for number, payload in enumerate(samples.AWKWARD):
                draft = samples.draft(Kind.ACTION_LOG, "größe[0]", number)._replace(payload=payload)
                seq = await store.append(run_id, [draft])
                (event,) = await store.read(run_id, after=seq - 1)
                assert event.payload == payload, f"payload {number} came back changed"
                assert event.action == "größe[0]"

        self.run(body)

    def test_an_instant_is_the_same_in_any_zone(self) -> None:
        """A time given in another zone is the same instant when it comes back."""

        async def body(store: Store) -> None:
            run_id = await begun(store, log(1)._replace(time=samples.START.astimezone(samples.OTHER_ZONE)))
            assert (await store.read(run_id))[1].time == samples.START

        self.run(body)

    def test_what_was_read_is_not_changed_by_the_writer(self) -> None:
        """A store that keeps what it is given, and a reader that gets it, must not share lists that one changes."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            drafts = [log(1)]
            await store.append(run_id, drafts)
            drafts.append(log(2))
            (await store.read(run_id)).clear()
            assert len(await store.read(run_id)) == 2

        self.run(body)

    def test_reading_is_by_number_kind_and_action(self) -> None:
        """``after``, ``limit``, ``kinds`` and ``action`` can be combined."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            await store.append(run_id, story())
            assert [e.seq for e in await store.read(run_id, after=3, limit=4)] == [4, 5, 6, 7]
            assert [e.seq for e in await store.read(run_id, kinds=[Kind.ACTION_COMPLETED])] == [8, 15]
            assert [e.seq for e in await store.read(run_id, action="load", after=5, limit=2)] == [6, 7]
            kinds = {Kind.ACTION_STARTED, Kind.ACTION_LOG}
            assert [e.seq for e in await store.read(run_id, kinds=kinds, action="train", after=9)] == [12, 14]
            assert await store.read(run_id, after=16) == []
            assert await store.read(run_id, kinds=[]) == []

        self.run(body)

    def test_many_events_are_read_page_by_page(self) -> None:
        """Thousands in one append, each there once and in order."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            assert await store.append(run_id, [log(number) for number in range(5000)]) == 5001
            found = await everything(store, run_id)
            assert [event.seq for event in found] == list(range(1, 5002))
            assert [event.payload["message"] for event in found[1:]] == [f"line {n}" for n in range(5000)]

        self.run(body)

    def test_concurrent_appends_keep_their_order(self) -> None:
        """The events of one call have consecutive numbers; no number is missing or given twice."""

        async def body(store: Store) -> None:
            run_id = await begun(store)

            async def writer(name: str) -> list[int]:
                return [
                    await store.append(run_id, [log(3 * turn + part, name) for part in range(3)]) for turn in range(10)
                ]

            lasts = await asyncio.gather(*(writer(f"w{number}") for number in range(12)))
            found = (await everything(store, run_id))[1:]
            assert [event.seq for event in found] == list(range(2, 2 + 12 * 10 * 3))
            for number, own in enumerate(lasts):
                mine = [event for event in found if event.action == f"w{number}"]
                assert [event.seq for event in mine] == [seq - 2 + part for seq in own for part in range(3)]
                assert [event.payload["message"] for event in mine] == [f"line {n}" for n in range(30)]

        self.run(body)

    def test_the_state_is_the_fold(self) -> None:
        """After every event `progress` is what folding what is read gives, to the end of the run and beyond."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            for draft in [*story(), log(99)]:
                await store.append(run_id, [draft])
                assert await store.progress(run_id) == fold(await store.read(run_id))
            final = await store.progress(run_id)
            assert (final.status, final.result, final.seq) == (RunStatus.COMPLETED, {"accuracy": 0.97}, 17)

        self.run(body)

    def test_the_record_comes_back(self) -> None:
        """A run is kept as it was asked for, with all that resuming it needs."""

        async def body(store: Store) -> None:
            bare = new_run()
            full = new_run(
                "größe",
                work_dir="/runs/größe",
                pipeline_id="p-1",
                resumed_from=bare.id,
                target="train.py:pipeline",
                options={"executor": "process", "grace": 5.0, "extra": "ignore"},
            )
            full = evolve(full, params={"nested": [{"a": None}], "text": "→ \x00"})
            for run in (bare, full):
                await store.create(run, [created(run)])
            assert await store.record(full.id) == full
            assert await store.record(bare.id) == bare

        self.run(body)

    def test_one_id_is_one_run(self) -> None:
        """A second run of the same id is refused, and harms the first in nothing."""

        async def body(store: Store) -> None:
            run = new_run()
            await store.create(run, [created(run), log(1)])
            with raises(StoreError, run.id):
                await store.create(evolve(run, name="another"), [created(run)])
            assert (await store.record(run.id)).name == run.name
            assert len(await store.read(run.id)) == 2

        self.run(body)

    def test_an_unknown_run_is_said_to_be_unknown(self) -> None:
        """Whatever is asked of a run that is not there: RunNotFoundError, with its id."""

        async def body(store: Store) -> None:
            await begun(store)
            asked = [
                store.append("nobody", [log(1)]),
                store.record("nobody"),
                store.read("nobody"),
                store.progress("nobody"),
                store.checkpoints("nobody"),
                store.acquire("nobody", "me", 10),
                store.lease("nobody"),
                store.delete("nobody"),
                anext(aiter(store.watch("nobody"))),
            ]
            for question in asked:
                with raises(RunNotFoundError, "nobody"):
                    await question

        self.run(body)
