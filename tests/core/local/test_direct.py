"""`LocalExecutor.execute`: one action, right here; with a run record where one is wanted."""

from __future__ import annotations

import asyncio
import threading
import warnings
from functools import partial
from typing import Any

import attrs
import pytest

from synapse_core import BaseAction, DiscoveryError, LocalExecutor, ValidationError, action
from synapse_core.builtin.local.threads import DaemonThreads
from synapse_core.builtin.memory import MemoryStore
from synapse_core.fold import fold
from synapse_core.loggers import BaseLogger
from synapse_core.testing import actions, wait_until


def test_whatever_names_an_action_can_be_run():
    """A class, a function, an entry point in either form, a spec."""
    from synapse_core import spec_of

    names = "synapse_core.testing.actions"
    for way in (actions.Add, spec_of(actions.Add), f"{names}:Add", f"{names}.Add"):
        assert LocalExecutor().execute(way, {"a": 1}) == actions.Sum(2.0)
    assert LocalExecutor().execute(actions.echo, {"a": 1}) == {"a": 1}
    with pytest.raises(DiscoveryError, match="is no action"):
        LocalExecutor().execute(len)


def test_params_are_checked_strictly():
    """Every wrong field, and unknown ones with the nearest known."""
    with pytest.raises(ValidationError) as caught:
        LocalExecutor().execute(actions.Add, {"a": "x", "bb": 1})
    assert {issue.path for issue in caught.value.issues} == {"a", "bb"}
    assert "'b'" in str(caught.value)
    with pytest.raises(ValidationError, match="a"):
        LocalExecutor().execute(actions.Add)


def test_an_exception_comes_out_as_it_is():
    """With its own traceback."""
    with pytest.raises(ValueError, match="as it is"):
        LocalExecutor().execute(actions.fail, {"message": "as it is"})
    with pytest.raises(SystemExit):
        LocalExecutor().execute(actions.soft_exit)


def test_a_misfit_warns_or_fails():
    """By default it warns; strictly it is an error that names every wrong field."""
    with pytest.warns(UserWarning, match="total"):
        assert LocalExecutor().execute(actions.misfit) == {"total": "much"}
    with pytest.raises(ValidationError, match="total") as caught:
        LocalExecutor(strict=True).execute(actions.misfit)
    assert [issue.path for issue in caught.value.issues] == ["total"]


def test_the_warning_points_at_the_caller():
    """So that it says whose line it was."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LocalExecutor().execute(actions.misfit)
    assert caught[0].filename == __file__


def test_reports_go_to_the_logger_that_is_given():
    """And nowhere, if none is."""

    class Keeping(BaseLogger):
        def __init__(self) -> None:
            self.kept: list[Any] = []

        def emit(self, kind, payload):
            self.kept.append((str(kind), payload))

    logger = Keeping()
    LocalExecutor(logger=logger).execute(actions.report, {"logs": 2, "progress": 1})
    assert [kind for kind, _ in logger.kept] == ["action.log", "action.log", "action.progress"]
    LocalExecutor().execute(actions.report, {"logs": 2})


def test_the_callers_objects_are_not_touched():
    """Neither the dict nor what is in it."""

    @action("spoil")
    def spoil(params, ctx):
        params["files"].append("x")
        params["n"] = 2

    given = {"files": ["a"], "n": 1}
    LocalExecutor().execute(spoil, given)
    assert given == {"files": ["a"], "n": 1}


def test_params_that_are_no_mapping_are_refused():
    """With what was found."""
    for target in (actions.echo, actions.Add):
        with pytest.raises(ValidationError, match="list"):
            LocalExecutor().execute(target, [1])  # type: ignore[arg-type]


def test_async_actions_run_from_anywhere():
    """Without a loop, within a running one, and in a thread."""
    executor = LocalExecutor()
    assert executor.execute(actions.async_echo, {"a": 1}) == {"a": 1}

    async def main() -> Any:
        return executor.execute(actions.async_echo, {"a": 2})

    assert asyncio.run(main()) == {"a": 2}

    @action("async_fail")
    async def async_fail(params, ctx):
        raise KeyError("no")

    async def failing() -> None:
        with pytest.raises(KeyError):
            executor.execute(async_fail)

    asyncio.run(failing())


def test_a_client_is_handed_on():
    """As `ctx.client`."""

    @action("ask")
    def ask(params, ctx):
        return ctx.client

    assert LocalExecutor(client="the client").execute(ask) == "the client"


# -- with a run record --------------------------------------------------------------------------------------------


def record(executor: LocalExecutor, store: MemoryStore, *args: Any) -> tuple[Any, Any]:
    """What running an action gave, or raised, and its run's events."""
    try:
        result = executor.execute(*args)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  shown by the test
        result = error
    (run, *_) = asyncio.run(store.list_runs())
    return result, asyncio.run(store.read(run.id, limit=10_000))


def test_a_run_is_recorded_with_its_reports():
    """As the engine would: the same kinds, the same state, a checkpoint."""
    store = MemoryStore()
    result, events = record(LocalExecutor(store=store), store, actions.report, {"logs": 3, "progress": 2})
    assert result == {"reported": 3}
    assert [str(event.kind) for event in events] == [
        *("run.created", "run.started", "action.started"),
        *["action.log"] * 3,
        *("action.progress", "action.completed", "run.completed"),
    ]
    state = fold(events)
    assert (state.status, state.result) == ("completed", {"reported": 3})
    (checkpoint,) = asyncio.run(store.checkpoints(state.run_id))
    assert (checkpoint.action_name, checkpoint.result) == ("report", {"reported": 3})


@pytest.mark.parametrize(
    ("target", "params", "status", "told"),
    [
        (actions.fail, {"message": "no"}, "failed", "ValueError: no"),
        (actions.Add, {"a": "x"}, "failed", "ValidationError"),
        (actions.unserialisable, {}, "failed", "UnserializableError"),
        (actions.soft_exit, {}, "failed", "SystemExit"),
        (actions.interrupt, {}, "cancelled", "KeyboardInterrupt"),
    ],
)
def test_a_failure_is_recorded(target: Any, params: Any, status: str, told: str):
    """And raised as it is."""
    store = MemoryStore()
    error, events = record(LocalExecutor(store=store), store, target, params)
    assert isinstance(error, BaseException)
    state = fold(events)
    assert state.status == status
    assert told in (state.error or "")
    assert state.progress[0].status == "failed"


def test_a_flood_is_recorded_as_it_comes():
    """Nothing holds the action back, and nothing is lost."""
    store = MemoryStore()
    _, events = record(LocalExecutor(store=store), store, actions.flood, {"lines": 9000})
    assert len([event for event in events if event.kind == "action.log"]) == 9000


def test_each_run_has_a_record_of_its_own():
    """Also from several threads at once."""
    store = MemoryStore()
    executor = LocalExecutor(store=store)
    threads = [threading.Thread(target=executor.execute, args=(actions.echo, {"n": n})) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = asyncio.run(store.list_runs())
    results = [asyncio.run(store.progress(run.id)).result["n"] for run in runs]
    assert sorted(results) == list(range(20))


# -- classes of actions -------------------------------------------------------------------------------------------


@attrs.define
class Params:
    n: int = 1


def test_an_instance_lives_for_one_attempt():
    """What an action keeps in itself is not there the next time."""

    class Counter(BaseAction[Params]):
        seen = 0

        def execute(self) -> int:
            self.seen += self.params.n
            return self.seen

    executor = LocalExecutor()
    assert [executor.execute(Counter, {"n": 2}) for _ in range(3)] == [2, 2, 2]


def test_an_action_without_execute_says_so():
    """By its name."""

    class Empty(BaseAction[Params]):
        pass

    with pytest.raises(NotImplementedError, match="Empty"):
        LocalExecutor().execute(Empty)


# -- threads ------------------------------------------------------------------------------------------------------


def alive(name: str) -> int:
    return sum(thread.name.startswith(name) for thread in threading.enumerate())


def test_threads_are_kept_for_the_next_job_and_end_when_closed():
    """As many as work at once; one that still works ends after its job."""
    threads = DaemonThreads("test-daemons")
    go, ran = threading.Event(), []

    def wait() -> None:
        assert go.wait(30)
        ran.append(1)

    for _ in range(3):
        threads.submit(wait)
    go.set()
    wait_until(lambda: threads._idle == 3)
    for _ in range(20):
        threads.submit(wait)
        wait_until(lambda: threads._idle == 3)
    assert (len(ran), alive("test-daemons")) == (23, 3)
    go.clear()
    threads.submit(wait)
    threads.close()
    wait_until(lambda: alive("test-daemons") == 1)
    go.set()
    wait_until(lambda: alive("test-daemons") == 0)


def test_every_job_is_done_once():
    """However many are submitted at once, from several threads."""
    threads = DaemonThreads("test-burst")
    ran: list[int] = []

    def submit(first: int) -> None:
        for number in range(first, first + 200):
            threads.submit(partial(ran.append, number))

    submitting = [threading.Thread(target=submit, args=(first,)) for first in range(0, 1000, 200)]
    for thread in submitting:
        thread.start()
    for thread in submitting:
        thread.join()
    wait_until(lambda: len(ran) == 1000)
    assert sorted(ran) == list(range(1000))
    threads.close()


def test_threads_that_nobody_needs_end_by_themselves(monkeypatch: pytest.MonkeyPatch):
    """And the next job has a new one."""
    monkeypatch.setattr("synapse_core.builtin.local.threads._PATIENCE", 0.001)
    threads = DaemonThreads("test-idle")
    ran: list[int] = []
    for number in range(20):
        threads.submit(partial(ran.append, number))
        wait_until(lambda: alive("test-idle") == 0)
    assert ran == list(range(20))
