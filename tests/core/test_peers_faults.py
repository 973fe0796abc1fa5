"""The faults that peers.md lists under "The seeds' own systems" and that concern the core, a test each.

Others of that list are tested where they belong: comments of a synced config in `discovery/test_sync.py`, rollback of
steps on Ctrl-C in `steps/test_orchestrator.py`, resume and its checks in `tests/store`, what is sent to a cluster in
`tests/ray`, streams that reconnect with the client.
"""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import threading
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest

from synapse_core import (
    ActionPipeline,
    BaseAction,
    ExecutionError,
    LocalExecutor,
    Node,
    ProcessExecutor,
    RunCancelledError,
    Session,
    action,
    run_plugin,
)
from synapse_core.context import PipelineContext
from synapse_core.errors import SynapseError
from synapse_core.events import Kind
from synapse_core.models import RunStatus
from synapse_core.pipeline.snapshot import snapshots
from synapse_core.testing import actions, wait_until
from synapse_core.testing.processes import alive, is_alive
from tests.core.engine.helpers import Gate, act, events_of, run_alone, statuses
from tests.core.engine.stores import Walled, away

EXECUTORS = pytest.mark.parametrize("executor", ["local", "process"])


def test_cancel_is_not_only_for_the_submitting_object(session: Session):
    """Fault: cancel only from the submitting object. Anybody who knows the run's id can cancel it."""
    gate = Gate()
    run_id = session.submit([gate.action("a")])
    gate.wait_for(1)
    thread = threading.Thread(target=lambda: asyncio.run(session.cancel_async(run_id)))
    thread.start()
    thread.join(30)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)


@EXECUTORS
def test_completed_never_overwrites_cancelled(session: Session, tmp_path: Path, executor: str):
    """Fault: `completed` then overwrites `cancelled`. What an action returns after its cancel is no result."""
    started = tmp_path / "started"
    run_id = session.submit([actions.swallow_cancel], {"started": str(started)}, executor=executor)
    wait_until(started.exists)
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert session.progress(run_id).status == "cancelled"
    assert not events_of(session, run_id, Kind.ACTION_COMPLETED, Kind.RUN_COMPLETED)


def test_a_dead_worker_ends_its_attempt_at_once(session: Session, tmp_path: Path):
    """Fault: a dead actor leaves the run `running` until the time-out. A worker's death is noticed when it dies."""
    started = tmp_path / "started"
    node = Node(actions.hang, timeout=3600.0)
    run_id = session.submit([node], {"started": str(started)}, executor="process")
    pid = int(wait_until(lambda: started.exists() and started.read_text()))
    os.kill(pid, 9)
    with pytest.raises(ExecutionError, match="SIGKILL"):
        session.wait(run_id)
    assert session.progress(run_id).status == "failed"


def test_a_result_outlives_an_absence_of_the_store():
    """Fault: service down: the action's result is lost. It is kept until it can be stored."""
    store = Walled()

    @action("work")
    def work(params, ctx):
        wait_until(lambda: store.written)
        store.fault = lambda call: away(call) if call == "append" else None
        threading.Timer(0.3, setattr, (store, "fault", lambda _call: None)).start()
        return {"precious": 1}

    run_id, end = run_alone([work], store=store, executor=LocalExecutor())
    assert end.status is RunStatus.COMPLETED
    assert asyncio.run(store.inner.progress(run_id)).result == {"precious": 1}


class Colour(Enum):
    RED = "red"


@attrs.define
class Rich:
    at: datetime
    day: date
    took: timedelta
    file: Path
    id: UUID
    colour: Colour
    blob: bytes
    tags: set[str]


RICH = Rich(
    datetime(2026, 11, 21, 5, 0, tzinfo=UTC),
    date(2026, 11, 21),
    timedelta(seconds=1.5),
    Path("w.pt"),
    UUID(int=7),
    Colour.RED,
    b"\x00\xff",
    {"a"},
)


@action("make_rich")
def make_rich(params, ctx) -> Rich:
    return RICH


@action("take_rich", params=Rich)
def take_rich(params: Rich, ctx) -> dict[str, Any]:
    return {"same": params == RICH}


@EXECUTORS
def test_a_datetime_in_a_result_is_data_like_any(session: Session, executor: str):
    """Fault: a datetime in a result fails the run after the work is done. It comes to the next action as it was."""
    assert session.execute([make_rich, take_rich], executor=executor) == {"same": True}


def test_a_checkpoint_holds_what_its_action_added(session: Session):
    """Fault: each checkpoint resends all params. To keep: it holds the params after the merge, when it is read."""
    run_id = session.submit([act("a", {"x": 1}), act("b", {"y": 2})], {"big": "x" * 100_000})
    session.wait(run_id)
    kept = session.call(session.store.checkpoints(run_id))
    assert [checkpoint.result for checkpoint in kept] == [{"x": 1}, {"y": 2}]
    assert all("x" * 100_000 not in repr(checkpoint) for checkpoint in kept)
    plan = ActionPipeline([act("a"), act("b")]).plan
    whole = snapshots(plan, session.call(session.store.record(run_id)).params, kept)
    assert [set(checkpoint.params_snapshot or ()) for checkpoint in whole] == [{"big", "x"}, {"big", "x", "y"}]


def test_nothing_that_is_printed_forges_a_result(session: Session):
    """Fault: the job's result can be forged by a printed marker. Output is output, whatever it says."""
    result = session.execute([actions.forge], executor="process")
    assert result == {"genuine": True}


def test_python_is_the_callers(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Fault: `python` from PATH, not the caller's. Whatever is called python there is not run."""
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        fake = tmp_path / name
        fake.write_text("#!/bin/sh\nexit 97\n")
        fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert session.execute([actions.describe], executor="process")["python"] == sys.executable


@EXECUTORS
def test_no_file_is_left_in_the_users_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str):
    """Fault: a script left in the user's folder. Nothing is written but what the action asks a folder for."""
    work, temporary = tmp_path / "work", tmp_path / "tmp"
    work.mkdir()
    temporary.mkdir()
    (work / "mine.py").write_text("from synapse_core import action\n@action\ndef hello(params, ctx): return {'a': 1}\n")
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with Session(entry_points=False, work_base=tmp_path / "runs") as session:
        assert run_plugin(str(work / "mine.py"), "hello", mode=executor, session=session) == {"a": 1}
    assert [path.name for path in work.iterdir()] == ["mine.py"]
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "runs").exists()


def test_the_environment_is_not_kept_with_a_run(session: Session, monkeypatch: pytest.MonkeyPatch):
    """Fault: the whole environment, secrets included, sent along. No store and no sink ever sees it."""
    monkeypatch.setenv("MY_SECRET_OF_THE_MACHINE", "machine-secret")
    told: list[Any] = []

    class Sink:
        def write(self, events):
            told.extend(events)

        def close(self):
            pass

    run_id = session.submit([actions.echo], {"a": 1}, env={"MY_TOKEN": "call-secret"}, sinks=[Sink()])
    session.wait(run_id)
    record = session.call(session.store.record(run_id))
    everything = repr([attrs.asdict(record), events_of(session, run_id), told])
    everything += repr(session.call(session.store.checkpoints(run_id)))
    assert "machine-secret" not in everything
    assert "call-secret" not in everything


@EXECUTORS
def test_two_plugins_packaged_alike_run_in_one_process(session: Session, tmp_path: Path, executor: str):
    """Fault: two plugins both packaged as `plugin` clash in one process. Each runs its own code, inner imports too."""
    for name in ("one", "two"):
        package = tmp_path / name / "plugin"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "values.py").write_text(f"VALUE = {name!r}\n")
        (package / "acts.py").write_text(
            textwrap.dedent(
                """
                from synapse_core import action
                from plugin.values import VALUE

                @action
                def tell(params, ctx):
                    from plugin import values
                    return {"said": VALUE, "again": values.VALUE}
                """
            )
        )
        config = "name: P\ncode: plugin\nversion: 0.1.0\nactions:\n  tell:\n    entrypoint: plugin.acts:tell\n"
        (tmp_path / name / "config.yaml").write_text(config)
    for name in ("one", "two", "one"):
        result = run_plugin(str(tmp_path / name), "tell", mode=executor, session=session)
        assert result == {"said": name, "again": name}


def test_threads_share_one_executor_and_errors_cost_none(session: Session):
    """Fault: any error drops a healthy actor; 4 threads make 3 actors. One executor serves them all, and goes on."""
    made: list[Any] = []
    offer = session.pm.executor("local")

    def work(number: int) -> None:
        for turn in range(5):
            if (number + turn) % 2:
                with pytest.raises(ExecutionError):
                    session.execute([actions.fail])
            else:
                session.execute([actions.echo], {"n": number})

    class Counting(LocalExecutor):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            made.append(self)

    original = type(session.pm).executor
    session.pm.executor = lambda name: attrs.evolve(offer, factory=Counting)  # type: ignore[method-assign]
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        session.pm.executor = original.__get__(session.pm)  # type: ignore[method-assign]
    assert len(made) == 1


@pytest.mark.parametrize("executor", ["local", "process", LocalExecutor(), ProcessExecutor()])
def test_a_decorated_function_runs_under_every_executor(session: Session, executor: Any):
    """Fault: a decorated function cannot run under an executor."""
    assert session.execute([actions.echo], {"a": 1}, executor=executor) == {"a": 1}


def test_an_import_error_hides_no_action(session: Session, tmp_path: Path):
    """Fault: import errors hide actions silently. The action is there, and says what it lacks, and where."""
    (tmp_path / "mine.py").write_text(
        "import a_library_that_is_not_there\nfrom synapse_core import action\n\n@action\ndef train(params, ctx): ...\n"
    )
    config = "name: P\ncode: mine\nversion: 0.1.0\nactions:\n  train:\n    entrypoint: mine:train\n"
    (tmp_path / "config.yaml").write_text(config)
    assert session.pm.discover(str(tmp_path)).list_actions() == ["train"]
    with pytest.raises(SynapseError, match=r"a_library_that_is_not_there.*mine\.py, line 1"):
        run_plugin(str(tmp_path), "train", session=session)


@attrs.define
class Wants:
    weights: str
    dataset: int


class Needy(BaseAction[Wants]):
    def execute(self) -> dict[str, Any]:
        return {"got": self.params.weights}


@attrs.define
class Gives:
    weights: str = "w.pt"


def test_a_strict_pipeline_takes_what_is_given():
    """Fault: strict pipelines refuse fields that an earlier action or the initial params give."""

    @action("train")
    def train(params: dict[str, Any]) -> Gives:
        return Gives()

    pipeline = ActionPipeline([train, act("between"), Needy], strict=True)
    assert pipeline.problems == ()
    pipeline.validate_initial_params({"dataset": 1})


def test_nothing_that_is_given_is_changed(session: Session):
    """Fault: building the runtime env changes the caller's dict. Neither building nor running changes anything."""
    params: dict[str, Any] = {"files": ["a"], "deep": {"n": [1]}}
    env, options, steps = {"A": "1"}, {"workers": 2}, [actions.echo, [act("b"), act("c")]]
    before = repr((params, env, options, steps))
    pipeline = ActionPipeline(steps)
    pipeline.execute(params, session=session, env=env, options=options)
    session.execute([actions.echo], params, env=env, executor="process")
    LocalExecutor(env=env).execute(actions.echo, params)
    assert repr((params, env, options, steps)) == before


def test_work_folders_can_be_cleaned(session: Session, tmp_path: Path):
    """Fault: work folders never cleaned. They are made only when asked for, and removed by one call."""
    run_id = session.submit([actions.describe, act("b")])
    session.wait(run_id)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name == run_id
    assert [path.name for path in (folder / "actions").iterdir()] == ["describe"]
    PipelineContext(run_id, tmp_path / "runs").cleanup()
    assert not folder.exists()


@EXECUTORS
def test_result_validation_warns_by_default(session: Session, executor: str):
    """To keep: result validation warns by default; strictly it fails."""
    run_id = session.submit([actions.misfit], executor=executor)
    assert session.wait(run_id).status == "completed"
    levels = [event.payload["level"] for event in events_of(session, run_id, Kind.ACTION_LOG)]
    assert levels == ["warning"]
    with pytest.raises(ExecutionError, match="total"):
        session.execute([actions.misfit], executor=executor, strict=True)


def test_nothing_is_left_running(session: Session, tmp_path: Path):
    """All of the above in one: after a cancel no process of the run lives, whatever it started."""
    pids, started = tmp_path / "pids", tmp_path / "started"
    pipeline = ActionPipeline([[actions.spawn_children, actions.hang_on]])
    params = {"pids": str(pids), "hang": True, "started": str(started)}
    run_id = session.submit(pipeline, params, executor="process", grace=0.2)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 4)
    pid = int(wait_until(lambda: started.exists() and started.read_text()))
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    assert set(statuses(session, run_id).values()) == {"failed"}
    assert not is_alive(pid)
    wait_until(lambda: not alive(pids.read_text()))
