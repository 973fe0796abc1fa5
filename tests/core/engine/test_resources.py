"""How many run at once: slots of named resources, taken in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core import ActionPipeline, LocalExecutor, Node, Resources, Session
from synapse_core.engine.slots import Slots
from tests.core.engine.helpers import Gate, act

amounts = st.dictionaries(st.sampled_from(["workers", "num_cpus", "lid"]), st.integers(0, 5), max_size=3)


@given(amounts, st.lists(amounts, max_size=20), st.randoms())
def test_never_more_is_taken_than_there_is(capacity: Mapping[str, float], wanted: list[Any], random: Any):
    """Whoever asks for more than there is gets all there is; everybody has a turn; all is given back."""

    async def body() -> None:
        slots = Slots(capacity)
        held: list[Mapping[str, float]] = []
        turns: list[int] = []

        async def user(number: int, asks: Mapping[str, float]) -> None:
            bounded = slots.bounded(asks)
            await slots.take(bounded)
            turns.append(number)
            held.append(bounded)
            for name, most in capacity.items():
                assert sum(part.get(name, 0) for part in held) <= most
            for _ in range(random.randrange(3)):
                await asyncio.sleep(0)
            held.remove(bounded)
            slots.give(bounded)

        await asyncio.gather(*(user(number, asks) for number, asks in enumerate(wanted)))
        assert sorted(turns) == list(range(len(wanted)))
        await slots.take(slots.bounded(capacity))  # all of it is there again

    asyncio.run(body())


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=15), st.randoms())
def test_who_gives_up_waiting_takes_nothing(users: list[tuple[int, bool]], random: Any):
    """A wait that is cancelled, before or just as it has its turn, leaves all to the others."""

    async def body() -> None:
        slots = Slots({"lid": 3.0})
        tasks = [asyncio.ensure_future(_use(slots, {"lid": float(amount)})) for amount, _ in users]
        for task, (_, gives_up) in zip(tasks, users, strict=True):
            for _ in range(random.randrange(3)):
                await asyncio.sleep(0)
            if gives_up:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(slots.take({"lid": 3.0}), 30)

    asyncio.run(body())


async def _use(slots: Slots, wanted: Mapping[str, float]) -> None:
    await slots.take(wanted)
    try:
        await asyncio.sleep(0)
    finally:
        slots.give(wanted)


def test_fractions_add_up():
    """Ten tenths of a core are a core, whatever floats make of them."""

    async def body() -> None:
        slots = Slots({"num_cpus": 0.3})
        for _ in range(3):
            await asyncio.wait_for(slots.take({"num_cpus": 0.1}), 5)
        for _ in range(3):
            slots.give({"num_cpus": 0.1})
        await asyncio.wait_for(slots.take({"num_cpus": 0.3}), 5)

    asyncio.run(body())


def test_who_waits_longest_is_next():
    """One that wants much is not passed by those that want little, or it would wait for ever."""

    async def body() -> None:
        slots = Slots({"lid": 2.0})
        await slots.take({"lid": 1.0})
        large = asyncio.ensure_future(slots.take({"lid": 2.0}))
        await asyncio.sleep(0)
        small = asyncio.ensure_future(slots.take({"lid": 1.0}))
        await asyncio.sleep(0)
        assert not small.done()
        slots.give({"lid": 1.0})
        await large
        assert not small.done()
        slots.give({"lid": 2.0})
        await small

    asyncio.run(body())


class Small(LocalExecutor):
    """An executor of a machine with four cores and one lid."""

    capacity: ClassVar = {"workers": 8.0, "num_cpus": 4.0, "lid": 1.0}


@pytest.mark.parametrize(
    ("resources", "at_once"),
    [
        (Resources(num_cpus=2), 2),
        (Resources(num_cpus=0.5), 6),
        (Resources(num_cpus=4), 1),
        (Resources(num_cpus=100), 1),
        (Resources(custom={"lid": 1}), 1),
        (Resources(custom={"unheard_of": 50}), 6),
        (Resources(num_gpus=1), 6),
        (None, 6),
    ],
)
def test_resources_bound_how_many_run_at_once(session: Session, resources: Resources | None, at_once: int):
    """One that wants more than the machine has runs alone; what the executor does not know bounds nothing."""
    gate = Gate()
    branches = [Node(gate.action(f"a{n}"), resources=resources) for n in range(6)]
    run_id = session.submit(ActionPipeline([branches]), executor=Small())
    gate.wait_for(at_once)
    gate.open.set()
    session.wait(run_id)
    assert gate.most == at_once


def test_the_pipeline_bounds_them_too(session: Session):
    """By `max_parallel`, whatever the executor could do."""
    gate = Gate()
    run_id = session.submit(ActionPipeline([[gate.action(f"a{n}") for n in range(6)]], max_parallel=2))
    gate.wait_for(2)
    gate.open.set()
    session.wait(run_id)
    assert gate.most == 2


def test_one_that_needs_little_runs_beside_one_that_needs_much(session: Session):
    """Resources of several kinds are counted each for itself."""
    gate = Gate()
    branches = [
        Node(gate.action("cores"), resources=Resources(num_cpus=4)),
        Node(gate.action("lid"), resources=Resources(custom={"lid": 1})),
    ]
    run_id = session.submit(ActionPipeline([branches, act("end")]), executor=Small())
    gate.wait_for(2)
    gate.open.set()
    assert session.wait(run_id).status == "completed"
