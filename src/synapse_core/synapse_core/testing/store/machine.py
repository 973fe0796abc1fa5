"""A store against a model of one, by steps that hypothesis chooses: `StoreMachine`. It needs hypothesis."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any, TypeVar

from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from synapse_core.errors import LeaseLostError, RunNotFoundError, StoreError
from synapse_core.events import RUN_ENDED, Draft, Event, Kind
from synapse_core.fold import fold
from synapse_core.models import Checkpoint
from synapse_core.protocols import Lease, RunRecord, Store
from synapse_core.testing.store.rules import gathered
from synapse_core.testing.store.samples import START, checkpoint, created, new_run, plain
from synapse_core.testing.waiting import raises

T = TypeVar("T")

_NAMES = ("load", "train", "train[0]", "größe")
_LIVING = [kind for kind in Kind if kind not in RUN_ENDED]

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: _is_text(repr(value)))
payloads = st.dictionaries(st.sampled_from(["message", "current", "total", "metrics", "error", "x"]), json, max_size=3)
drafts = st.builds(
    Draft,
    st.sampled_from([*map(str, _LIVING), "unknown.kind"]),
    st.just(START),
    st.sampled_from([None, *_NAMES]),
    st.integers(0, 3),
    payloads.filter(lambda payload: _is_text(repr(payload))),
)


@define(eq=False)
class Model:
    """What a store should know of one run. ``holder`` is the newest lease, unless it was given back."""

    record: RunRecord
    drafts: list[Draft]
    checkpoints: list[Checkpoint] = field(factory=list)
    epoch: int = 0
    holder: Lease | None = None
    ended: bool = False


class StoreMachine(RuleBasedStateMachine):
    """Does with a store what engines do, in any order, and compares it with the model; subclass it for a store.

    ::

        class MyStoreMachine(StoreMachine):
            def make_store(self):
                return MyStore(":memory:")

        TestMyStoreMachine = MyStoreMachine.TestCase
    """

    runs = Bundle("runs")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}

    def make_store(self) -> Store | Awaitable[Store]:
        """A new store, with nothing in it; it may be a coroutine."""
        raise NotImplementedError(f"{type(self).__name__} has no make_store()")

    def do(self, work: Any) -> Any:
        """What a coroutine of the store gives."""
        return self._runner.run(work)

    @initialize()
    def open(self) -> None:
        """Begin with an empty store."""
        self._runner = asyncio.Runner()

        async def make() -> Store:
            made = self.make_store()
            return await made if inspect.isawaitable(made) else made

        self.store: Store = self.do(make())

    def teardown(self) -> None:
        """Look at every run once more, and close."""
        try:
            for run_id in self.models:
                self.check(run_id)
            self.check_list()
        finally:
            self.do(self.store.aclose())
            self._runner.close()

    # -- what is done -----------------------------------------------------------------------------------------

    @rule(target=runs, first=st.lists(drafts, max_size=2))
    def create(self, first: list[Draft]) -> str:
        """Create a run."""
        run = new_run()
        begun = [created(run), *first]
        assert self.do(self.store.create(run, begun)) == len(begun)
        self.models[run.id] = Model(run, begun)
        return run.id

    @rule(run_id=runs, more=st.lists(drafts, max_size=4), results=st.lists(json, max_size=2))
    def append(self, run_id: str, more: list[Draft], results: list[Any]) -> None:
        """Write without a lease."""
        self._append(run_id, more, results, None)

    @rule(lease=leases, more=st.lists(drafts, max_size=4), results=st.lists(json, max_size=2))
    def append_with_lease(self, lease: Lease, more: list[Draft], results: list[Any]) -> None:
        """Write with a lease, old or new."""
        self._append(lease.run_id, more, results, lease)

    def _append(self, run_id: str, more: list[Draft], results: list[Any], lease: Lease | None) -> None:
        model = self.models.get(run_id)
        names = [f"a{len(model.checkpoints) + index}" for index in range(len(results))] if model else []
        made = [
            checkpoint(run_id, name, index, result)
            for index, (name, result) in enumerate(zip(names, results, strict=False))
        ]
        write = self.store.append(run_id, more, checkpoints=made, lease=lease)
        if model is None:
            with raises(RunNotFoundError, run_id):
                self.do(write)
        elif lease is not None and lease.epoch != model.epoch:
            with raises(LeaseLostError):
                self.do(write)
        else:
            model.drafts += more
            model.checkpoints += made
            assert self.do(write) == len(model.drafts)

    @rule(run_id=runs, kind=st.sampled_from(sorted(RUN_ENDED)))
    def end(self, run_id: str, kind: str) -> None:
        """Let a run end; it may do so but once."""
        model = self.models.get(run_id)
        if model is not None and not model.ended:
            model.ended = True
            self._append(run_id, [Draft(kind, START, None, 0, {"error": "over"})], [], None)

    @rule(target=leases, run_id=runs, owner=st.sampled_from(["a", "b"]))
    def acquire(self, run_id: str, owner: str) -> Any:
        """Claim a run, free or not."""
        return self._acquire(run_id, owner, None)

    @rule(target=leases, lease=leases, owner=st.sampled_from(["a", "b"]))
    def take_over(self, lease: Lease, owner: str) -> Any:
        """Claim a run over a lease that is said to be dead, the newest or not."""
        return self._acquire(lease.run_id, owner, lease)

    def _acquire(self, run_id: str, owner: str, over: Lease | None) -> Any:
        model = self.models.get(run_id)
        claim = self.store.acquire(run_id, owner, 3600, over=over)
        if model is None:
            with raises(RunNotFoundError, run_id):
                self.do(claim)
            return multiple()
        holder = model.holder
        if holder is not None and holder.owner != owner and (over is None or over.epoch != holder.epoch):
            with raises(LeaseLostError):
                self.do(claim)
            return multiple()
        model.holder = lease = self.do(claim)
        assert lease.epoch > model.epoch
        model.epoch = lease.epoch
        return lease

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        """Renew a lease, old or new."""
        model = self.models.get(lease.run_id)
        if model is not None and model.holder is not None and model.epoch == lease.epoch:
            renewed = self.do(self.store.renew(lease, 3600))
            assert (renewed.owner, renewed.epoch) == (lease.owner, lease.epoch)
        elif model is None or model.epoch != lease.epoch:
            with raises(RunNotFoundError if model is None else LeaseLostError):
                self.do(self.store.renew(lease, 3600))

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        """Give a run back, whether it is one's own or not."""
        self.do(self.store.release(lease))
        model = self.models.get(lease.run_id)
        if model is not None and model.epoch == lease.epoch:
            model.holder = None

    @rule(run_id=consumes(runs))
    def delete(self, run_id: str) -> None:
        """Forget a run, unless an engine holds it."""
        model = self.models.get(run_id)
        if model is None:
            with raises(RunNotFoundError):
                self.do(self.store.delete(run_id))
        elif model.holder is not None and not model.ended:
            with raises(StoreError):
                self.do(self.store.delete(run_id))
        else:
            self.do(self.store.delete(run_id))
            del self.models[run_id]

    # -- what must hold then ----------------------------------------------------------------------------------

    @rule(run_id=runs)
    def check(self, run_id: str) -> None:
        """All that is kept of a run is what was written."""
        model = self.models.get(run_id)
        if model is None:
            return
        events: list[Event] = self.do(self.store.read(run_id))
        assert [event.seq for event in events] == list(range(1, len(model.drafts) + 1))
        assert [plain(event) for event in events] == [plain(draft) for draft in model.drafts]
        assert self.do(self.store.progress(run_id)) == fold(events)
        assert self.do(self.store.record(run_id)) == model.record
        kept = self.do(self.store.checkpoints(run_id))
        assert [(c.action_name, c.result) for c in kept] == [(c.action_name, c.result) for c in model.checkpoints]
        lease = self.do(self.store.lease(run_id))
        assert (lease and lease.epoch) == (model.holder and model.holder.epoch)
        if model.ended:
            assert self.do(gathered(self.store.watch(run_id))) == events

    @rule(
        run_id=runs,
        after=st.integers(0, 6),
        limit=st.integers(1, 4),
        kinds=st.none() | st.sets(st.sampled_from(_LIVING), max_size=3),
        action=st.none() | st.sampled_from(_NAMES),
    )
    def read_some(self, run_id: str, after: int, limit: int, kinds: set[Kind] | None, action: str | None) -> None:
        """Read by number, kind and action."""
        if run_id not in self.models:
            return
        found = self.do(self.store.read(run_id, after=after, limit=limit, kinds=kinds, action=action))
        wanted = [
            seq
            for seq, draft in enumerate(self.models[run_id].drafts, 1)
            if seq > after and (kinds is None or draft.kind in kinds) and action in {None, draft.action}
        ]
        assert [event.seq for event in found] == wanted[:limit]

    @rule()
    def check_list(self) -> None:
        """Every run is listed, the newest first."""
        assert [run.id for run in self.do(self.store.list_runs())] == sorted(self.models, reverse=True)


def _is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: half of a surrogate pair is no text, and no store need keep it."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
