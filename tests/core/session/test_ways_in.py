"""The ways in: from sync code, a running loop, several threads, an action, two sessions."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse_core import (
    ActionPipeline,
    ExecutionError,
    LocalExecutor,
    NotFoundError,
    ProcessExecutor,
    RunCancelledError,
    Session,
    ValidationError,
    action,
    run_plugin,
)
from synapse_core.errors import ActionNotFoundError, StoreError, SynapseError, UnserializableError
from synapse_core.fold import fold
from synapse_core.session import default_session
from synapse_core.testing import actions, until, wait_until
from tests.core.engine.helpers import Gate, act, events_of

SAMPLES = "synapse_core.testing.actions"


# -- by the public names ------------------------------------------------------------------------------------------


def test_a_pipeline_runs_itself():
    """`execute`, and `submit` with `wait`, in a session that nobody had to make."""
    pipeline = ActionPipeline([actions.echo, act("end", {"done": 1})])
    assert pipeline.execute({"a": 1}) == {"done": 1}
    run_id = pipeline.submit({"a": 1})
    assert pipeline.wait(run_id) == {"done": 1}


def test_a_pipeline_runs_on_any_executor(session: Session):
    """By name, with options, or as an object; a decorated function runs on each of them."""
    pipeline = ActionPipeline([actions.echo])
    executor = ProcessExecutor(workers=1)
    ways: list[dict[str, Any]] = [
        {"executor": "local"},
        {"executor": "process"},
        {"executor": "process", "options": {"workers": 1}},
        {"executor": LocalExecutor()},
        {"executor": executor},
    ]
    for way in ways:
        assert pipeline.execute({"a": 1}, session=session, **way) == {"a": 1}
    with pytest.raises(NotFoundError, match=r"'locl'.*'local'"):
        pipeline.execute({}, session=session, executor="locl")


def test_a_plugin_runs_by_name(session: Session):
    """One action of a module, by the executor's name; its params are checked strictly."""
    for mode in ("local", "process"):
        assert run_plugin(SAMPLES, "add", {"a": 2}, mode, session=session) in ({"total": 3.0}, actions.Sum(3.0))
    with pytest.raises(ExecutionError, match="bb") as caught:
        run_plugin(SAMPLES, "add", {"a": 2, "bb": 1}, session=session)
    assert isinstance(caught.value.__cause__, ValidationError)
    assert run_plugin(SAMPLES, "add", {"a": 2, "bb": 1}, session=session, extra="ignore") == actions.Sum(3.0)
    with pytest.raises(ActionNotFoundError, match="'add'"):
        run_plugin(SAMPLES, "ad", {}, session=session)


def test_one_action_runs_right_here():
    """`LocalExecutor.execute`: in this thread, without a session."""
    result = LocalExecutor(env={"SAMPLE": "s"}, job_id="j-1").execute(actions.describe)
    assert (result["thread"], result["job_id"], result["sample"]) == (threading.current_thread().name, "j-1", "s")


def test_the_context_carries_job_and_environment(session: Session, tmp_path: Path):
    """From the session, the call, and a context that is given."""
    with Session(entry_points=False, env={"SAMPLE": "from the session"}, work_base=tmp_path / "runs") as other:
        described = other.execute([actions.describe], job_id="j-2")
        assert (described["sample"], described["job_id"]) == ("from the session", "j-2")
        assert Path(described["work_dir"]) == tmp_path / "runs" / described["run_id"] / "actions" / "describe"
        assert other.execute([actions.describe], env={"SAMPLE": "from the call"})["sample"] == "from the call"
    from synapse_core import RuntimeContext

    ctx = RuntimeContext(env={"SAMPLE": "from the context"}, job_id="j-3")
    described = ActionPipeline([actions.describe]).execute(None, ctx, session=session)
    assert (described["sample"], described["job_id"]) == ("from the context", "j-3")


def test_an_executor_carries_its_own_environment_into_a_pipeline(session: Session):
    """What a LocalExecutor was made with holds for the actions of a pipeline that it runs."""
    executor = LocalExecutor(env={"SAMPLE": "its own"}, job_id="j-4")
    for steps in ([actions.describe], [act("a"), actions.describe]):
        described = session.execute(steps, executor=executor)
        assert (described["sample"], described["job_id"]) == ("its own", "j-4")
    described = session.execute([actions.describe], executor=executor, env={"SAMPLE": "the call's"}, job_id="j-5")
    assert (described["sample"], described["job_id"]) == ("the call's", "j-5")


def test_what_cannot_be_kept_is_refused_at_the_door(session: Session):
    """Initial params that do not survive JSON; nothing is begun."""
    with pytest.raises(UnserializableError, match="lock"):
        session.submit([act("a")], {"deep": {"lock": threading.Lock()}})
    assert session.call(session.store.list_runs()) in ([], ())


@attrs.frozen
class Given:
    epochs: int


@pytest.mark.parametrize("params", [[("epochs", 3)], "epochs=3", 3, datetime(2026, 1, 1, tzinfo=UTC)])
def test_params_that_are_no_mapping_are_refused(session: Session, params: Any):
    """Whatever else could be made of them."""
    with pytest.raises(SynapseError, match="params must map names to values, got an object of type"):
        session.submit([act("a")], params)


def test_params_may_be_a_model(session: Session):
    """As where one action runs by itself."""
    given: Any = Given(3)
    assert session.execute([actions.echo], given) == {"epochs": 3}


def test_an_unknown_option_is_refused(session: Session):
    """And not silently ignored; a param that was given as one is told how to be given."""
    with pytest.raises(TypeError, match="no option 'excutor'; did you mean 'executor'"):
        session.submit([act("a")], excutor="process")
    with pytest.raises(TypeError, match=r"no option 'epochs'.*params are given as one mapping"):
        session.submit([act("a")], epochs=3)


# -- from a running loop ------------------------------------------------------------------------------------------


def test_a_running_loop_is_not_blocked(session: Session):
    """The async twins run beside whatever else the loop does."""

    async def main() -> None:
        gate, ticks = Gate(), 0
        running = asyncio.ensure_future(session.execute_async([gate.action("a")]))
        while not gate.began or ticks < 5:
            ticks += 1
            await asyncio.sleep(0.001)
        gate.open.set()
        assert await running == {"a": True}
        run_id = await session.submit_async([act("a")])
        assert (await session.wait_async(run_id)).status == "completed"
        assert (await session.progress_async(run_id)).status == "completed"
        assert await session.result_async(run_id) == {"a": True}
        states = [state async for state in session.stream_progress_async(run_id)]
        assert states[-1].status == "completed"
        events = [event async for event in session.stream_events_async(run_id)]
        assert fold(events) == states[-1]

    asyncio.run(main())


def test_sync_calls_work_within_a_running_loop(session: Session):
    """They block it, but they work, as in a notebook."""

    async def main() -> None:
        assert ActionPipeline([act("a")]).execute({}, session=session) == {"a": True}
        assert LocalExecutor().execute(actions.async_echo, {"a": 1}) == {"a": 1}
        assert run_plugin(SAMPLES, "async_echo", {"a": 1}, session=session) == {"a": 1}

    asyncio.run(main())


def test_cancelling_the_awaiting_task_cancels_the_run(session: Session):
    """And nothing of it goes on."""
    gate = Gate()

    async def main() -> None:
        task = asyncio.ensure_future(session.execute_async([gate.action("a")]))
        await until(lambda: gate.began)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    wait_until(lambda: gate.running == 0)
    (run,) = session.call(session.store.list_runs())
    wait_until(lambda: session.progress(run.id).status == "cancelled")


def test_many_run_at_once_from_one_loop(session: Session):
    """Each gets its own result."""

    async def main() -> list[Any]:
        return await asyncio.gather(*(session.execute_async([actions.echo], {"n": n}) for n in range(50)))

    assert asyncio.run(main()) == [{"n": n} for n in range(50)]


def test_async_actions_share_one_loop_that_is_not_the_engines(session: Session, tmp_path: Path):
    """One that blocks it holds up no other run, and no cancel."""
    started, release = tmp_path / "started", tmp_path / "release"
    blocked = session.submit([actions.async_block], {"started": str(started), "release": str(release)}, grace=0.05)
    wait_until(started.exists)
    assert session.execute([act("a")]) == {"a": True}
    session.cancel(blocked)
    with pytest.raises(RunCancelledError):
        session.wait(blocked)
    release.touch()
    assert session.execute([actions.async_echo], {"a": 1}) == {"a": 1}


# -- from several threads -----------------------------------------------------------------------------------------


def test_several_threads_use_one_session(session: Session):
    """At once, each with its own runs."""
    found: dict[tuple[int, int], Any] = {}

    def work(number: int) -> None:
        for turn in range(10):
            result = session.execute([actions.echo, act("b")], {"n": number, "turn": turn})
            run_id = session.submit([actions.echo], {"n": number})
            session.wait(run_id)
            found[number, turn] = (result, session.result(run_id))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {(n, turn): ({"b": True}, {"n": n}) for n in range(6) for turn in range(10)}


def test_the_default_session_is_one(session: Session):
    """However many threads ask for it at once."""
    found: list[Session] = []
    threads = [threading.Thread(target=lambda: found.append(default_session())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len({id(each) for each in found}) == 1


def test_two_sessions_know_nothing_of_each_other(tmp_path: Path):
    """Each has a store, plugins and folders of its own."""
    with (
        Session(entry_points=False, work_base=tmp_path / "a") as one,
        Session(entry_points=False, work_base=tmp_path / "b") as other,
    ):
        run_id = one.submit([act("a")])
        one.wait(run_id)
        with pytest.raises(LookupError, match=run_id):
            other.progress(run_id)
        assert other.call(other.store.list_runs()) in ([], ())


# -- from within --------------------------------------------------------------------------------------------------


def test_an_action_may_run_actions():
    """Right there, by the plugin's name, in a pipeline, on any executor, however many do so at once."""

    @action("outer")
    def outer(params, ctx):
        here = LocalExecutor().execute(actions.Add, {"a": 1})
        named = run_plugin(SAMPLES, "add", {"a": 2})
        chained = ActionPipeline([actions.echo, act("end", {"end": 1})]).execute({"x": 1})
        elsewhere = run_plugin(SAMPLES, "echo", {"y": 1}, mode="process")
        return {"here": here.total, "named": named.total, "chained": chained, "elsewhere": elsewhere}

    expected = {"here": 2.0, "named": 3.0, "chained": {"end": 1}, "elsewhere": {"y": 1}}
    assert ActionPipeline([outer]).execute() == expected
    wide = ActionPipeline([[action(f"o{n}")(_again(outer)) for n in range(12)]])
    assert set(wide.execute()) == {f"o{n}" for n in range(12)}


def _again(function: Any) -> Any:
    def copied(params, ctx):
        return function(params, ctx)

    return copied


def test_an_async_action_may_run_actions(session: Session):
    """Without blocking the loop that it shares with others."""

    @action("outer")
    async def outer(params, ctx):
        return await session.execute_async([actions.async_echo], {"inner": 1})

    assert session.execute([outer]) == {"inner": 1}


def test_a_failure_within_tells_of_itself(session: Session):
    """The inner run's error is the outer action's, and its type goes through, so that retries can go by it."""

    @action("outer")
    def outer(params, ctx):
        session.execute([actions.fail], {"message": "inner"})

    with pytest.raises(ExecutionError, match=r"action 'outer' failed: .*'fail' failed: ValueError: inner") as caught:
        session.execute([outer])
    assert caught.value.error_type == "ValueError"


def test_the_sessions_own_thread_cannot_wait_for_itself(session: Session):
    """It is said what to do instead."""

    async def body() -> None:
        session.progress("any")

    with pytest.raises(RuntimeError, match="_async"):
        session.call(body())


# -- streams ------------------------------------------------------------------------------------------------------


def test_events_are_streamed_as_they_come(session: Session):
    """From the first to the last, by as many as want to know; from any number on."""
    gate = Gate()
    run_id = session.submit([gate.action("a"), act("b")])
    stream = session.stream_events(run_id)
    first = next(stream)
    assert (first.seq, first.kind) == (1, "run.created")
    gate.open.set()
    rest = list(stream)
    assert [first, *rest] == events_of(session, run_id)
    assert list(session.stream_events(run_id, after=3)) == rest[2:]


def test_states_are_streamed_as_they_change(session: Session):
    """The state now first, the final one last; what is streamed last is the fold of the log, byte for byte."""
    gate = Gate()
    run_id = session.submit([gate.action("a"), act("b")])
    stream = session.stream_progress(run_id)
    assert next(stream).status in {"pending", "running"}
    gate.open.set()
    states = list(stream)
    assert states[-1] == fold(events_of(session, run_id)) == session.progress(run_id)
    assert list(session.stream_progress(run_id)) == [states[-1]]


def test_a_stream_may_be_left_early(session: Session):
    """And the run goes on."""
    gate = Gate()
    run_id = session.submit([gate.action("a")])
    for _ in session.stream_events(run_id):
        break
    for _ in session.stream_progress(run_id):
        break
    gate.open.set()
    assert session.wait(run_id).status == "completed"


def test_an_unknown_run_cannot_be_streamed_nor_waited_for(session: Session):
    """Its name is told."""
    for ask in (session.wait, session.result, session.progress, lambda r: list(session.stream_events(r))):
        with pytest.raises(LookupError, match="nobody"):
            ask("nobody")


def test_a_result_before_the_end_is_refused(session: Session):
    """It is said to wait."""
    gate = Gate()
    run_id = session.submit([gate.action("a")])
    with pytest.raises(ExecutionError, match="has not ended"):
        session.result(run_id)
    gate.open.set()
    session.wait(run_id)
    assert session.result(run_id) == {"a": True}


@attrs.define
class Params:
    n: int = 0


def test_a_decorated_function_is_still_a_function():
    """It can be called as it stands, and has its name and docstring."""

    @action("double", params=Params)
    def double(params: Params, context: Any = None) -> int:
        """Twice."""
        return 2 * params.n

    assert double(Params(4)) == 8
    assert (double.__name__, double.__doc__) == ("double", "Twice.")


def test_a_run_may_be_given_its_id(session: Session):
    """Where whoever starts it must know the id before; no two runs have one."""
    assert session.submit([actions.echo], {"text": "a"}, run_id="run-1") == "run-1"
    session.wait("run-1")
    with pytest.raises(StoreError, match="run-1"):
        session.submit([actions.echo], {"text": "a"}, run_id="run-1")


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "ä", "x" * 65])
def test_an_id_that_is_no_name_of_a_folder_is_refused(session: Session, name: str):
    """Before anything is stored or made."""
    with pytest.raises(SynapseError, match="is no id for a run"):
        session.submit([actions.echo], {"text": "a"}, run_id=name)


def test_a_session_that_is_part_of_a_host_says_whose_run_it_is(session: Session):
    """What is kept with a run names the executor that hosts it as a whole, not the one that this session was given."""
    run_id = session.submit(
        [actions.echo], {"a": 1}, executor=LocalExecutor(), hosted_by="elsewhere", options={"at": "there"}
    )
    session.wait(run_id)
    kept = session.call(session.store.record(run_id)).options
    assert (kept["executor"], kept["options"]) == ("elsewhere", {"at": "there"})
