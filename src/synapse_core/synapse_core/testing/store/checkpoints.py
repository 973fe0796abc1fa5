"""Rules of checkpoints: they and their events are one transaction, and come back as they were written."""

from __future__ import annotations

from synapse_core.errors import LeaseLostError
from synapse_core.events import Kind
from synapse_core.protocols import Store
from synapse_core.testing.store import samples
from synapse_core.testing.store.rules import Rules
from synapse_core.testing.store.samples import begun, checkpoint, created, draft, new_run
from synapse_core.testing.waiting import raises


class CheckpointRules(Rules):
    """What a store does with checkpoints."""

    def test_a_checkpoint_comes_back(self) -> None:
        """All that it says of what made it is kept."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            made = checkpoint(run_id, "load", 0, {"rows": 3}, attempt=2, artifacts_path="/runs/größe")
            await store.append(run_id, [draft(Kind.ACTION_COMPLETED, "load", 1, 2)], checkpoints=[made])
            assert list(await store.checkpoints(run_id)) == [made]

        self.run(body)

    def test_a_run_without_checkpoints_has_none(self) -> None:
        """An empty list, no error."""

        async def body(store: Store) -> None:
            assert list(await store.checkpoints(await begun(store))) == []

        self.run(body)

    def test_checkpoints_are_read_in_the_order_they_were_made(self) -> None:
        """Also where several are in one transaction."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            for first in range(0, 30, 3):
                names = [f"a{number}" for number in range(first, first + 3)]
                await store.append(
                    run_id,
                    [draft(Kind.ACTION_COMPLETED, name) for name in names],
                    checkpoints=[checkpoint(run_id, name, int(name[1:]), name) for name in names],
                )
            assert [c.action_name for c in await store.checkpoints(run_id)] == [f"a{n}" for n in range(30)]

        self.run(body)

    def test_any_result_comes_back(self) -> None:
        """Nothing, a list, a text, and what is awkward in events."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            results = [None, [], [1, {"a": None}], "text → \x00", 0.1, True, *samples.AWKWARD]
            for number, result in enumerate(results):
                await store.append(run_id, [], checkpoints=[checkpoint(run_id, f"a{number}", number, result)])
            assert [c.result for c in await store.checkpoints(run_id)] == results

        self.run(body)

    def test_a_refused_write_leaves_neither_event_nor_checkpoint(self) -> None:
        """The checkpoint and its event are written together, or not at all."""

        async def body(store: Store) -> None:
            run_id = await begun(store)
            old = await store.acquire(run_id, "first", 60)
            await store.acquire(run_id, "second", 60, over=old)
            done = [draft(Kind.ACTION_COMPLETED, "load", 1, 1)]
            with raises(LeaseLostError):
                await store.append(run_id, done, checkpoints=[checkpoint(run_id, "load", 0, {})], lease=old)
            assert len(await store.read(run_id)) == 1
            assert list(await store.checkpoints(run_id)) == []

        self.run(body)

    def test_a_resumed_run_starts_with_checkpoints(self) -> None:
        """Those given to `create` are there before the first append."""

        async def body(store: Store) -> None:
            run = new_run()
            taken_over, added = checkpoint(run.id, "load", 0, {"x": 1}), checkpoint(run.id, "train", 1, {"y": 2})
            assert await store.create(run, [created(run)], [taken_over]) == 1
            assert list(await store.checkpoints(run.id)) == [taken_over]
            await store.append(run.id, [], checkpoints=[added])
            assert list(await store.checkpoints(run.id)) == [taken_over, added]

        self.run(body)
