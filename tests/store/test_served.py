"""What stores keep for a service: definitions of pipelines, and batches that are taken once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from synapse_core.builtin.memory import MemoryStore
from synapse_core.builtin.memory.pipelines import PipelinesInMemory
from synapse_core.errors import LeaseLostError, NotFoundError, RunNotFoundError, StoreError
from synapse_core.models import RunStatus
from synapse_core.protocols import PipelineRecord, PipelineStore
from synapse_core.testing.store.samples import begun, checkpoint, draft, log
from synapse_store.once import Batch, OnceStore, SequenceError
from synapse_store.service.once import RememberedBatches
from synapse_store.sqlite.store import SQLiteStore


@pytest.fixture(params=["memory", "sqlite"])
def make(request, tmp_path):
    """Makes the store, the pipelines beside it, and what takes batches once."""

    def made():
        if request.param == "sqlite":
            file = SQLiteStore(tmp_path / "runs.db")
            assert isinstance(file, PipelineStore)
            assert isinstance(file, OnceStore)
            return file, file, file
        store = MemoryStore()
        return store, PipelinesInMemory(store), RememberedBatches(store)

    return made


def _pipeline(number):
    actions = [{"name": "größe", "entrypoint": "m:A", "needs": [], "x": {"y": [1, None]}}]
    return PipelineRecord(f"p-{number}", "demo", actions, datetime(2026, 11, 21, 5, number, tzinfo=UTC), "about")


def test_definitions(make):
    """Come back as they were kept, newest first, by page; each once."""

    async def body():
        store, pipelines, _ = make()
        made = [_pipeline(number) for number in range(5)]
        for each in made:
            await pipelines.create_pipeline(each)
        assert await pipelines.pipeline("p-3") == made[3]
        assert list(await pipelines.list_pipelines(limit=2)) == [made[4], made[3]]
        assert list(await pipelines.list_pipelines(before="p-3", limit=2)) == [made[2], made[1]]
        with pytest.raises(StoreError, match="p-3"):
            await pipelines.create_pipeline(made[3])
        await pipelines.delete_pipeline("p-3")
        for question in (pipelines.pipeline("p-3"), pipelines.delete_pipeline("p-3")):
            with pytest.raises(NotFoundError, match="p-3"):
                await question
        await store.aclose()

    asyncio.run(body())


def test_runs_of_a_pipeline(make):
    """Its own, by status and page."""

    async def body():
        store, pipelines, _ = make()
        ids = [await begun(store, pipeline_id="ab"[number % 2]) for number in range(6)]
        await store.append(ids[2], [draft("run.started")])
        assert [run.id for run in await pipelines.pipeline_runs("a")] == [ids[4], ids[2], ids[0]]
        assert [run.id for run in await pipelines.pipeline_runs("a", limit=1, before=ids[4])] == [ids[2]]
        assert [run.id for run in await pipelines.pipeline_runs("a", status=RunStatus.RUNNING)] == [ids[2]]
        assert list(await pipelines.pipeline_runs("c")) == []
        await store.aclose()

    asyncio.run(body())


def test_a_batch_is_taken_once(make):
    """Events and checkpoints; what is sent again gets the same answer, whoever holds the run by then."""

    async def body():
        store, _, batches = make()
        run_id = await begun(store)
        lease = await store.acquire(run_id, "me", 60)
        kept = [checkpoint(run_id, "load", 0, {})]
        for _ in range(2):
            assert await batches.append_once(run_id, Batch("p", 1, 1), [log(1)], checkpoints=kept, lease=lease) == 2
        await store.acquire(run_id, "you", 60, over=lease)
        assert await batches.append_once(run_id, Batch("p", 1, 1), [log(1)], lease=lease) == 2
        with pytest.raises(LeaseLostError):
            await batches.append_once(run_id, Batch("p", 1, 2), [log(2)], lease=lease)
        assert await batches.append_once(run_id, Batch("p", 1, 2), [log(2)]) == 3
        assert len(await store.read(run_id)) == 3
        assert len(await store.checkpoints(run_id)) == 1
        await store.aclose()

    asyncio.run(body())


def test_gaps_and_old_epochs(make):
    """Are refused, with the number that is expected; nothing is written."""

    async def body():
        store, _, batches = make()
        run_id = await begun(store)
        for batch, expected in ((Batch("p", 1, 2), 1), (Batch("p", 3, 5), 1)):
            with pytest.raises(SequenceError) as refused:
                await batches.append_once(run_id, batch, [log(1)])
            assert refused.value.expected == expected
        await batches.append_once(run_id, Batch("p", 2, 1), [log(1)])
        with pytest.raises(SequenceError):
            await batches.append_once(run_id, Batch("p", 1, 2), [log(2)])
        with pytest.raises(RunNotFoundError):
            await batches.append_once("nobody", Batch("p", 1, 1), [log(1)])
        assert len(await store.read(run_id)) == 2
        await store.aclose()

    asyncio.run(body())


def test_concurrent_tries_are_one(make):
    """The same batch from many sides at once."""

    async def body():
        store, _, batches = make()
        run_id = await begun(store)
        tries = [batches.append_once(run_id, Batch("p", 1, 1), [log(1), log(2)]) for _ in range(20)]
        assert set(await asyncio.gather(*tries)) == {3}
        assert len(await store.read(run_id)) == 3
        await store.aclose()

    asyncio.run(body())


def test_a_file_knows_its_batches_after_it_was_closed(tmp_path):
    """And forgets them with the run."""

    async def body():
        first = SQLiteStore(tmp_path / "runs.db")
        run_id = await begun(first)
        assert await first.append_once(run_id, Batch("p", 1, 1), [log(1)]) == 2
        await first.aclose()
        second = SQLiteStore(tmp_path / "runs.db")
        assert await second.append_once(run_id, Batch("p", 1, 1), [log(1)]) == 2
        assert len(await second.read(run_id)) == 2
        await second.delete(run_id)
        with pytest.raises(RunNotFoundError):
            await second.append_once(run_id, Batch("p", 1, 1), [log(1)])
        await second.aclose()

    asyncio.run(body())
