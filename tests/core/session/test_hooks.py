"""The hooks of a run: told when it starts and ends, wrapping its actions wherever those run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest

from synapse_core import ExecutionError, RunCancelledError, Session, action, hookimpl
from synapse_core.errors import ValidationError
from synapse_core.protocols import Call, RunInfo
from synapse_core.schema import Secret
from synapse_core.testing import actions
from tests.core.engine.helpers import Gate, act, events_of, failing

PLUGIN = """
import os
from datetime import timedelta
from synapse_core import hookimpl

@hookimpl(wrapper=True)
def synapse_run_action(call):
    print(f"before {call.action}")
    result = yield
    print(f"after {call.action}")
    return {**result, "wrapped_in": os.getpid(), "by": call.attempt}

@hookimpl
def synapse_autolog(framework, ctx):
    if framework == "mine":
        ctx.set_metrics({"auto": 1})
        return True
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    file = tmp_path / "my_hooks.py"
    file.write_text(PLUGIN)
    return str(file)


def test_a_run_is_told_of_when_it_starts_and_when_it_ended(tmp_path: Path):
    """In whatever state it ended, with the state; once each, and in that order."""
    told: list[Any] = []

    class Plugin:
        @hookimpl
        def synapse_run_started(self, run):
            told.append(("started", run))

        @hookimpl
        def synapse_run_finished(self, run, progress):
            told.append((str(progress.status), run))

    gate = Gate()
    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        session.execute([act("a")])
        with pytest.raises(ExecutionError):
            session.execute([failing("b")])
        run_id = session.submit([gate.action("c")])
        gate.wait_for(1)
        session.cancel(run_id)
        with pytest.raises(RunCancelledError):
            session.wait(run_id)
    assert [what for what, _ in told] == ["started", "completed", "started", "failed", "started", "cancelled"]
    assert told[0][1] == told[1][1]
    assert told[-1][1].run_id == run_id


def test_a_hook_that_raises_is_named_and_harms_no_run(tmp_path: Path):
    """The run is completed."""

    class Plugin:
        @hookimpl
        def synapse_run_started(self, run):
            raise ValueError("no start")

        @hookimpl
        def synapse_run_finished(self, run, progress):
            raise ValueError("no end")

        @hookimpl
        def synapse_sinks(self, run):
            raise ValueError("no sinks")

    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        assert session.execute([act("a")]) == {"a": True}
        assert {problem.hook for problem in session.pm.problems} == {
            "synapse_run_started",
            "synapse_run_finished",
            "synapse_sinks",
        }


@pytest.mark.parametrize("executor", ["local", "process"])
def test_a_wrapper_runs_where_the_action_runs(plugin: str, tmp_path: Path, executor: str):
    """Around it, in its process; what it makes of the result is the result."""
    with Session(plugins=[plugin], entry_points=False, work_base=tmp_path / "runs") as session:
        run_id = session.submit([actions.describe, act("end")], executor=executor) if executor == "local" else None
        run_id = run_id or session.submit([actions.describe], executor=executor)
        session.wait(run_id)
        first = session.call(session.store.checkpoints(run_id))[0].result
        assert first["wrapped_in"] == first["pid"]
        assert first["by"] == 1
        if executor == "process":
            lines = [event.payload["message"] for event in events_of(session, run_id, "action.log")]
            assert lines == ["before describe", "after describe"]


@pytest.mark.parametrize("executor", ["local", "process"])
def test_a_wrapper_runs_around_an_async_action(plugin: str, tmp_path: Path, executor: str):
    """It need not be async itself."""
    with Session(plugins=[plugin], entry_points=False, work_base=tmp_path / "runs") as session:
        assert session.execute([actions.async_echo], {"a": 1}, executor=executor)["by"] == 1


def test_a_wrapper_sees_the_call_and_the_failure(tmp_path: Path):
    """And may make a result of it."""
    seen: list[Call] = []

    class Plugin:
        @hookimpl(wrapper=True)
        def synapse_run_action(self, call):
            seen.append(call)
            try:
                return (yield)
            except ValueError as error:
                return {"instead": str(error)}

    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        assert session.execute([failing("bad", "no data")], {"p": 1}) == {"instead": "no data"}
    assert (seen[0].action, seen[0].params, seen[0].attempt) == ("bad", {"p": 1}, 1)


def test_a_cache_answers_in_place_of_the_action(tmp_path: Path):
    """An implementation that is no wrapper and has a result: the action is not run."""
    ran: list[str] = []

    @action("costly")
    def costly(params, ctx):
        ran.append("costly")

    class Cache:
        @hookimpl
        def synapse_run_action(self, call):
            return {"cached": True} if call.params.get("known") else None

    with Session(plugins=[Cache()], entry_points=False, work_base=tmp_path) as session:
        assert session.execute([costly], {"known": 1}) == {"cached": True}
        assert ran == []
        assert session.execute([costly]) is None
        assert ran == ["costly"]


def test_a_wrapper_that_raises_fails_the_action(tmp_path: Path):
    """As if it had raised itself: with type, message and traceback."""

    class Plugin:
        @hookimpl(wrapper=True)
        def synapse_run_action(self, call):
            yield
            raise KeyError("broken wrapper")

    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        with pytest.raises(ExecutionError, match="broken wrapper") as caught:
            session.execute([act("a")])
        assert caught.value.error_type == "KeyError"


BROKEN = """
from synapse_core import hookimpl

@hookimpl
def synapse_converter(converter):
    raise RuntimeError("no converter")

@hookimpl
def synapse_model_adapters():
    return [3]

@hookimpl
def synapse_autolog(framework, ctx):
    raise RuntimeError("no autolog")
"""


@pytest.mark.parametrize("executor", ["local", "process"])
def test_a_plugin_that_fails_in_a_worker_is_left_out(plugin: str, tmp_path: Path, executor: str):
    """The action goes on without it, wherever it runs; the run's log says whose autologging failed."""
    broken = tmp_path / "broken.py"
    broken.write_text(BROKEN)
    with Session(plugins=[plugin, str(broken)], entry_points=False, work_base=tmp_path / "runs") as session:
        run_id = session.submit([actions.autologging], executor=executor)
        session.wait(run_id)
        assert session.result(run_id)["mine"] is True
        logged = [event.payload["message"] for event in events_of(session, run_id, "action.log")]
        says = f"hook 'synapse_autolog' of plugin 'broken' ({broken}) failed: RuntimeError: no autolog"
        assert says in logged


@pytest.mark.parametrize("executor", ["local", "process"])
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_wrapper_that_raises_is_named(tmp_path: Path, executor: str, where: str):
    """In the failure's traceback; what the action itself raises is nobody's but its own."""
    lines = {"before": "raise KeyError(1); yield", "after": "yield; raise KeyError(1)"}[where]
    file = tmp_path / "wraps.py"
    file.write_text(
        f"from synapse_core import hookimpl\n\n@hookimpl(wrapper=True)\ndef synapse_run_action(call):\n    {lines}\n"
    )
    with Session(plugins=[str(file)], entry_points=False, work_base=tmp_path / "runs") as session:
        named = f"in hook 'synapse_run_action' of plugin 'wraps' ({file})"
        told = _traceback(session, actions.echo, executor)
        assert named in told
        assert told.splitlines()[1].startswith(f'  File "{file}"')
        if where == "after":
            failed = _traceback(session, actions.log_then_fail, executor)
            assert "log_then_fail" in failed
            assert named not in failed


def _traceback(session: Session, failing: Any, executor: str) -> str:
    run_id = session.submit([failing], executor=executor)
    with pytest.raises(ExecutionError):
        session.wait(run_id)
    (failed,) = events_of(session, run_id, "action.failed")
    return str(failed.payload["failure"]["traceback"])


@pytest.mark.parametrize("executor", ["local", "process"])
def test_autolog_is_done_by_the_plugin_that_knows_how(plugin: str, tmp_path: Path, executor: str):
    """Where the action runs; nobody is asked for a framework that none knows."""
    with Session(plugins=[plugin], entry_points=False, work_base=tmp_path / "runs") as session:
        run_id = session.submit([actions.autologging], executor=executor)
        session.wait(run_id)
        result = session.result(run_id)
        assert (result["mine"], result["unknown"]) == (True, False)
        (metrics,) = events_of(session, run_id, "action.metrics")
        assert metrics.payload["metrics"] == {"auto": 1}


def test_a_plugin_that_other_processes_cannot_import_acts_here_only(tmp_path: Path):
    """An object given by hand wraps actions in this process; a child does without it, and the manager knows which."""

    class Plugin:
        @hookimpl(wrapper=True)
        def synapse_run_action(self, call):
            result = yield
            return {**result, "wrapped": True}

    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        assert session.execute([actions.echo], {"a": 1}) == {"a": 1, "wrapped": True}
        assert session.execute([actions.echo], {"a": 1}, executor="process") == {"a": 1}
        assert len(session.pm.worker_plugins()) == len(session.pm.worker_hooks()) + 1


@attrs.frozen
class Money:
    cents: int


def test_a_model_that_a_plugin_writes_as_text_is_a_result_without_fields(tmp_path: Path):
    """It is kept as it is written, and adds nothing to the params of what follows."""

    class Plugin:
        @hookimpl
        def synapse_converter(self, converter: Any) -> None:
            converter.register_structure_hook(Money, lambda text, _: Money(int(text)))
            converter.register_unstructure_hook(Money, lambda money: str(money.cents))

    @action("pay")
    def pay(_params: dict[str, Any], _ctx: Any) -> Money:
        return Money(1250)

    with Session(store="memory:", plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        run_id = session.submit([pay, actions.echo], {"a": 1})
        session.wait(run_id)
        assert session.result(run_id) == {"a": 1}
        assert [kept.result for kept in session.call(session.store.checkpoints(run_id))] == ["1250", {"a": 1}]


@attrs.define
class Login:
    user: str
    token: Annotated[str, Secret()]


def test_secrets_are_not_shown(session: Session):
    """Not in errors, not in what sinks are told, not in the repr of what plugins are given."""

    @action("login", params=Login)
    def login(params, ctx):
        return {"ok": True}

    told: list[Any] = []

    class Sink:
        def write(self, events):
            told.extend(events)

        def close(self):
            pass

    assert session.execute([login], {"user": "me", "token": "hunter2"}, sinks=[Sink()]) == {"ok": True}
    with pytest.raises(ExecutionError) as caught:
        session.execute([login], {"user": "me", "token": ["hunter2"]}, sinks=[Sink()])
    assert isinstance(caught.value.__cause__, ValidationError)
    shown = [repr(told), str(caught.value), repr(caught.value.__cause__), caught.value.traceback]
    shown += [repr(RunInfo("r", "n", (), {"token": "hunter2"}))]
    shown += [repr(Call("r", "a", 1, "m:f", {"token": "hunter2"}, env={"TOKEN": "hunter2"}))]
    assert [text for text in shown if "hunter2" in text] == []
    assert told[0].payload["params"] == {"user": "me", "token": "***"}


def test_nobody_is_asked_twice_for_a_run(tmp_path: Path):
    """Hooks are called once a run, however many actions and events it has."""
    calls: list[str] = []
    lock = threading.Lock()

    class Plugin:
        @hookimpl
        def synapse_sinks(self, run):
            with lock:
                calls.append("sinks")
            return []

        @hookimpl
        def synapse_run_started(self, run):
            with lock:
                calls.append("started")

    with Session(plugins=[Plugin()], entry_points=False, work_base=tmp_path) as session:
        session.execute([[act(f"a{n}") for n in range(20)]])
    assert sorted(calls) == ["sinks", "started"]
