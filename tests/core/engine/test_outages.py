"""The store is away, refuses, or has given the run to another: the run goes on, or stops cleanly, and loses nothing."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from synapse_core import LocalExecutor, Node, ProcessExecutor, action
from synapse_core.errors import LeaseLostError, StoreError, StoreUnavailableError
from synapse_core.events import Draft, Kind, now
from synapse_core.fold import fold
from synapse_core.models import RunStatus
from synapse_core.testing import actions, until, wait_until
from synapse_core.testing.processes import is_alive
from synapse_core.testing.store.samples import everything
from tests.core.engine.helpers import Gate, act, run_alone, run_engine
from tests.core.engine.stores import Walled, WalledDirect, away

STORES = pytest.mark.parametrize("store", [Walled, WalledDirect])


def only(name: str, error: BaseException) -> Any:
    return lambda call: error if call == name else None


async def the_only_run(store: Walled) -> str:
    (run,) = await store.inner.list_runs()
    return run.id


def check_complete(store: Walled, run_id: str) -> list[Any]:
    """All events are there, numbered, and the state is their fold."""
    events = asyncio.run(everything(store.inner, run_id))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert asyncio.run(store.inner.progress(run_id)) == fold(events)
    return events


@STORES
def test_a_store_that_waits_is_told_every_report_in_order(store: type[Walled]):
    """What actions report is neither lost nor told twice, also where a worker goes on from action to action."""

    def step(number: int) -> Any:
        @action(f"s{number}")
        def body(params, ctx):
            for line in range(50):
                ctx.log_message(f"{number}/{line}")

        return body

    made = store()
    run_id, end = run_alone([step(n) for n in range(10)], store=made, executor=LocalExecutor())
    assert end.status is RunStatus.COMPLETED
    events = check_complete(made, run_id)
    messages = [event.payload["message"] for event in events if event.kind == Kind.ACTION_MESSAGE]
    assert messages == [f"{number}/{line}" for number in range(10) for line in range(50)]
    kinds = [str(event.kind) for event in events if event.kind != Kind.ACTION_MESSAGE]
    assert kinds[2:-1] == ["action.started", "action.completed"] * 10


@STORES
def test_a_run_goes_on_while_the_store_is_away(store: type[Walled]):
    """Its actions run and report; when the store is back all of it is there, in order."""
    made = store()
    gone, back = threading.Event(), threading.Event()

    @action("talker")
    def talker(params, ctx):
        made.fault = lambda call: None if back.is_set() else away(call)
        ctx.log_message("before")
        tried = made.calls.count("append")
        wait_until(lambda: made.calls.count("append") > tried + 2, "tries in vain")
        for number in range(500):
            ctx.log_message(f"{number}")
        gone.set()
        return {"talked": True}

    async def main() -> str:
        running = asyncio.ensure_future(run_engine([talker, act("b")], store=made, executor=LocalExecutor(), lease=0.3))
        await asyncio.to_thread(gone.wait, 30)
        await asyncio.sleep(0.2)
        assert not running.done()
        back.set()
        run_id, end = await running
        assert end.status is RunStatus.COMPLETED
        return run_id

    events = check_complete(made, asyncio.run(main()))
    messages = [event.payload["message"] for event in events if event.kind == Kind.ACTION_MESSAGE]
    assert messages == ["before", *map(str, range(500))]


@STORES
@pytest.mark.parametrize("lone", [True, False])
@pytest.mark.parametrize("error", [StoreUnavailableError("away"), StoreError("refused")])
def test_the_end_of_an_action_is_written_once_whoever_writes_it(
    store: type[Walled], lone: bool, error: StoreError
) -> None:
    """A store that is away when the engine writes an action's end is waited for; one that refuses ends the run."""
    made = store()
    failures: list[BaseException] = []

    def fault(call: str) -> BaseException | None:
        ends = call == "append" and len(failures) < 2
        failures.extend([error] if ends else [])
        return error if ends else None

    @action("first")
    def first(params, ctx):
        made.fault = fault
        return {"x": 1}

    nodes = [Node(first, timeout=60), Node(act("b"), timeout=60)]  # a worker does not go on from one with a timeout

    async def main() -> tuple[str, Any]:
        return await run_engine(nodes, store=made, executor=LocalExecutor(), lone=lone)

    if isinstance(error, StoreUnavailableError):
        run_id, end = asyncio.run(main())
        assert end.status is RunStatus.COMPLETED
        kinds = [str(event.kind) for event in check_complete(made, run_id)]
        assert kinds[2:-1] == ["action.started", "action.completed"] * 2
        assert len(failures) == 2
    else:
        with pytest.raises(StoreError, match="refused"):
            asyncio.run(main())
        assert not any(draft.kind == Kind.ACTION_COMPLETED for draft in made.written)


def test_a_store_that_is_away_at_the_start_is_waited_for():
    """The claim is tried again."""
    store = Walled()
    tries = 0

    def fault(call: str) -> BaseException | None:
        nonlocal tries
        tries += call == "acquire"
        return away(call) if call == "acquire" and tries < 3 else None

    store.fault = fault
    assert run_alone([act("a")], store=store, executor=LocalExecutor())[1].status is RunStatus.COMPLETED
    assert tries == 3


def test_a_run_can_be_cancelled_after_the_store_was_away():
    """Whoever listens for a cancel listens again."""
    store = Walled()
    gate = Gate()

    async def main() -> None:
        running = asyncio.ensure_future(run_engine([gate.action("a")], store=store, executor=LocalExecutor()))
        await until(lambda: gate.began)
        run_id = await the_only_run(store)
        asked = Draft(Kind.RUN_CANCEL_REQUESTED, now(), None, 0, {"reason": "enough"})
        store.fault = away
        await store.inner.append(run_id, [asked._replace(kind="not.yet")])
        await store.inner.append(run_id, [asked])
        await until(lambda: store.calls[-1] == "watched" or "watched" in store.calls, "the listener's failure")
        store.fault = lambda _call: None
        _, end = await running
        assert (end.status, end.error) == (RunStatus.CANCELLED, "enough")

    asyncio.run(main())


@STORES
def test_a_checkpoint_that_cannot_be_written_fails_the_run_cleanly(store: type[Walled]):
    """After the store timeout; what was written before stays, and nothing half: it can be resumed."""
    made = store()
    log: list[str] = []

    @action("first")
    def first(params, ctx):
        log.append("first")
        wait_until(lambda: made.written, "the beginning to be told")
        made.fault = lambda call: away(call) if call in {"append", "renew"} else None
        return {"first": 1}

    @action("second")
    def second(params, ctx):
        log.append("second")

    with pytest.raises(StoreUnavailableError, match="does not answer"):
        run_alone([first, second], store=made, executor=LocalExecutor(), store_timeout=0.2)
    assert log == ["first"]
    run_id = asyncio.run(the_only_run(made))
    events = check_complete(made, run_id)
    assert not {Kind.ACTION_COMPLETED, Kind.RUN_COMPLETED, Kind.RUN_FAILED} & {event.kind for event in events}
    assert list(asyncio.run(made.inner.checkpoints(run_id))) == []
    assert asyncio.run(made.inner.progress(run_id)).status == "running"
    assert asyncio.run(made.inner.lease(run_id)) is None


@STORES
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (StoreError("the disk is full"), "the disk is full"),
        (OSError(28, "No space left on device"), "No space left"),
        (KeyError("a bug in the store"), "KeyError"),
    ],
)
def test_a_store_that_fails_for_good_stops_the_run(store: type[Walled], fault: BaseException, told: str):
    """Whatever it raises: its actions are stopped, nothing hangs, and the error is the store's."""
    made = store()
    gate = Gate()

    @action("breaker")
    def breaker(params, ctx):
        gate.wait_for(1)
        made.fault = only("append", fault)

    with pytest.raises(StoreError, match=told):
        run_alone([[gate.action("other"), breaker], act("end")], store=made, executor=LocalExecutor())
    wait_until(lambda: gate.running == 0, "the other action to be stopped")


@STORES
def test_a_sequence_whose_store_fails_stops_there(store: type[Walled]):
    """Also where a worker goes on from action to action by itself."""
    made = store()
    ran: list[int] = []

    def step(number: int) -> Any:
        @action(f"s{number}")
        def body(params, ctx):
            ran.append(number)
            if number == 5:
                made.fault = only("append", StoreError("the disk is full"))

        return body

    with pytest.raises(StoreError, match="disk is full"):
        run_alone([step(n) for n in range(20)], store=made, executor=LocalExecutor())
    assert ran == [0, 1, 2, 3, 4, 5]
    run_id = asyncio.run(the_only_run(made))
    assert [c.action_name for c in asyncio.run(made.inner.checkpoints(run_id))] == [f"s{n}" for n in range(5)]


def test_a_memory_store_that_forgets_the_run_stops_it():
    """A run that is deleted while it runs is over."""
    store = Walled()
    gate = Gate()

    async def main() -> None:
        running = asyncio.ensure_future(run_engine([gate.action("a"), act("b")], store=store, executor=LocalExecutor()))
        await until(lambda: gate.began)
        run_id = await the_only_run(store)
        lease = await store.inner.lease(run_id)
        assert lease is not None
        await store.inner.release(lease)
        await store.inner.delete(run_id)
        with pytest.raises(StoreError, match=run_id):
            await running

    asyncio.run(main())
    wait_until(lambda: gate.running == 0)


@STORES
def test_an_engine_that_lost_its_lease_stops_its_actions(store: type[Walled], tmp_path: Path):
    """Another has the run: it writes nothing more, and nothing of it goes on."""
    made = store()
    gate = Gate()

    async def main() -> tuple[str, int]:
        engine = run_engine([gate.action("a"), act("b")], store=made, executor=LocalExecutor(), lease=0.3)
        running = asyncio.ensure_future(engine)
        await until(lambda: gate.began)
        run_id = await the_only_run(made)
        held = await made.inner.lease(run_id)
        await made.inner.acquire(run_id, "another", 3600, over=held)
        written = len(await made.inner.read(run_id))
        with pytest.raises(LeaseLostError, match="lost"):
            await running
        lease = await made.inner.lease(run_id)
        assert lease is not None
        assert lease.owner == "another"
        return run_id, written

    run_id, written = asyncio.run(main())
    wait_until(lambda: gate.running == 0, "the action to be stopped")
    assert len(asyncio.run(made.inner.read(run_id))) == written


def test_an_engine_that_lost_its_lease_ends_its_processes(tmp_path: Path):
    """By force, after the grace period."""
    store = Walled()
    params = {"started": str(tmp_path / "started")}

    async def main() -> int:
        executor = ProcessExecutor()
        work = run_engine([actions.hang_on], params, store=store, executor=executor, lease=0.3, grace=0.05)
        running = asyncio.ensure_future(work)
        pid = int(await until(lambda: (tmp_path / "started").exists() and (tmp_path / "started").read_text()))
        store.fault = only("renew", LeaseLostError("the lease is lost"))
        with pytest.raises(LeaseLostError):
            await running
        return pid

    pid = asyncio.run(main())
    assert not is_alive(pid)


def test_a_claim_that_is_refused_starts_nothing():
    """Another engine has the run: no action of it is begun here."""
    store = Walled()
    log: list[str] = []

    @action("never")
    def never(params, ctx):
        log.append("ran")

    store.fault = only("acquire", LeaseLostError("another has it"))
    with pytest.raises(LeaseLostError):
        run_alone([never], store=store, executor=LocalExecutor())
    assert log == []


def test_a_lease_is_renewed_while_the_run_lasts():
    """And given back at its end."""
    store = Walled()
    gate = Gate()

    async def main() -> str:
        running = asyncio.ensure_future(
            run_engine([gate.action("a")], store=store, executor=LocalExecutor(), lease=0.15)
        )
        await until(lambda: store.calls.count("renew") >= 4, "renewals")
        gate.open.set()
        return (await running)[0]

    run_id = asyncio.run(main())
    assert store.calls[-1] == "release"
    assert asyncio.run(store.inner.lease(run_id)) is None


@STORES
def test_checkpoints_and_their_events_go_together(store: type[Walled]):
    """A checkpoint is never without its event, whatever else is written at the same time."""
    made = store()

    @action("noisy")
    def noisy(params, ctx):
        for number in range(200):
            ctx.log_message(str(number))
        return params["n"]

    together: list[tuple[int, set[str], set[str]]] = []
    plain = made.inner.append_now

    def noting(run_id, drafts, checkpoints=(), lease=None):
        completed = {draft.action for draft in drafts if draft.kind == Kind.ACTION_COMPLETED}
        together.append((len(drafts), completed, {c.action_name for c in checkpoints}))
        return plain(run_id, drafts, checkpoints, lease)

    made.inner.append_now = noting  # type: ignore[method-assign]
    node = Node(noisy, each="n in numbers")
    run_id, _ = run_alone([node], {"numbers": list(range(100))}, store=made, executor=LocalExecutor())
    check_complete(made, run_id)
    assert all(completed == kept for _, completed, kept in together)
    assert sum(len(kept) for _, _, kept in together) == 101
