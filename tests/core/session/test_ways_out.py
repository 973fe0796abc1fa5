"""The ways out: closed sessions, forks, and programs that end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from synapse_core import (
    ExecutionError,
    Session,
)
from synapse_core.session.loop import LoopThread
from tests.core.engine.helpers import Gate, act

SAMPLES = "synapse_core.testing.actions"


# -- the end of a session -----------------------------------------------------------------------------------------


def test_closing_cancels_what_runs(tmp_path: Path):
    """Its actions are stopped, its processes gone, and whoever waits is told."""
    gate, told = Gate(), []
    session = Session(entry_points=False, work_base=tmp_path)
    run_id = session.submit([gate.action("a"), act("b")])

    def wait() -> None:
        try:
            session.wait(run_id)
        except (ExecutionError, RuntimeError) as error:
            told.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    gate.wait_for(1)
    session.close()
    waiting.join(30)
    assert gate.running == 0
    assert len(told) == 1


def test_a_closed_session_says_so(tmp_path: Path):
    """Whatever it is asked; closing it twice is no harm."""
    session = Session(entry_points=False, work_base=tmp_path)
    run_id = session.submit([act("a")])
    session.close()
    session.close()
    for ask in (session.progress, session.wait, lambda _: session.submit([act("b")])):
        with pytest.raises(RuntimeError, match="closed"):
            ask(run_id)


def test_nobody_waits_for_ever_for_a_closed_session(tmp_path: Path):
    """Somebody who streams a run of another process is let go."""
    from synapse_core.builtin.memory import MemoryStore
    from synapse_core.testing.store.samples import begun

    store = MemoryStore()
    run_id = asyncio.run(begun(store))
    session = Session(store=store, entry_points=False, work_base=tmp_path)
    told: list[BaseException] = []
    seen = threading.Event()

    def follow() -> None:
        try:
            for _ in session.stream_events(run_id):
                seen.set()
        except RuntimeError as error:
            told.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    assert seen.wait(30)
    session.close()
    thread.join(30)
    assert not thread.is_alive()
    assert "closed" in str(told[0])


def test_who_calls_while_it_is_closed_is_told():
    """At whatever moment the call comes: it has its answer or an error, and waits for neither in vain."""

    async def nothing() -> None:
        return None

    def call(loop: LoopThread, told: list[str]) -> None:
        try:
            while True:
                loop.call(nothing())
        except RuntimeError as error:
            told.append(str(error))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that threads meet each other everywhere
    try:
        for _ in range(150):
            loop, told = LoopThread("test-closing"), list[str]()
            loop.call(nothing())
            threads = [threading.Thread(target=call, args=(loop, told), daemon=True) for _ in range(3)]
            for thread in threads:
                thread.start()
            loop.close()
            for thread in threads:
                thread.join(30)
            assert told == ["this session is closed"] * 3
    finally:
        sys.setswitchinterval(before)


def test_a_session_closes_from_a_running_loop(tmp_path: Path):
    """As an async context manager."""

    async def main() -> Any:
        async with Session(entry_points=False, work_base=tmp_path) as session:
            return await session.execute_async([act("a")])

    assert asyncio.run(main()) == {"a": True}


# -- other processes ----------------------------------------------------------------------------------------------


def run_script(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(text))
    env = {**os.environ, "SYNAPSE_HOME": str(folder / "home")}
    return python("-W", "error", script, env=env, cwd=folder)


def python(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_a_fork_has_a_session_of_its_own(tmp_path: Path):
    """The child of a fork makes its own, is told so where it uses its parent's, and ends as it should."""
    done = run_script(
        tmp_path,
        """
        import os, sys
        from synapse_core import ActionPipeline, Session
        from synapse_core.testing import actions

        own = Session(entry_points=False)
        pipeline = ActionPipeline([actions.echo])
        assert pipeline.execute({"in": "parent"}) == {"in": "parent"}
        assert own.execute(pipeline, {"a": 1}) == {"a": 1}
        pid = os.fork()
        if pid == 0:
            assert pipeline.execute({"in": "child"}) == {"in": "child"}
            try:
                own.execute(pipeline)
            except RuntimeError as error:
                assert "forked" in str(error), error
            else:
                raise AssertionError("the parent's session worked")
            own.close()
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert pipeline.execute({"in": "parent"}) == {"in": "parent"}
        own.close()
        """,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_program_ends_although_an_action_hangs(tmp_path: Path):
    """Nothing waits for a thread that was left behind."""
    done = run_script(
        tmp_path,
        """
        from synapse_core import ActionPipeline, Node
        from synapse_core.errors import ExecutionError
        from synapse_core.testing import actions

        try:
            ActionPipeline([Node(actions.hang, timeout=0.05)]).execute(grace=0.05)
        except ExecutionError as error:
            print("still runs" in str(error))
        """,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_a_program_without_a_guard_does_not_start_itself_again(tmp_path: Path):
    """A child imports the script for its action, and is told what the script lacks."""
    done = run_script(
        tmp_path,
        """
        from synapse_core import ActionPipeline, action

        @action
        def hello(params, ctx):
            return {"hello": 1}

        print("top level", flush=True)
        ActionPipeline([hello]).execute(executor="process")
        """,
    )
    assert done.returncode != 0
    assert done.stdout == "top level\n"
    assert "if __name__ == '__main__':" in done.stderr


def test_a_script_runs_its_own_actions_in_processes(tmp_path: Path):
    """An action of `__main__` is found by its file, in the folder of the script and in no other."""
    (tmp_path / "helper_of_mine.py").write_text("VALUE = 7\n")
    (tmp_path / "attrs.py").write_text("raise ImportError('the wrong one')\n")
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "helper_of_mine.py").write_text("VALUE = 42\n")
    (folder / "script.py").write_text(
        textwrap.dedent(
            """
            from attrs import define
            from helper_of_mine import VALUE
            from synapse_core import ActionPipeline, BaseAction

            @define
            class Params:
                n: int

            class Hello(BaseAction[Params]):
                def execute(self):
                    return {"value": VALUE + self.params.n}

            if __name__ == "__main__":
                print(ActionPipeline([Hello]).execute({"n": 1}, executor="process"))
            """
        )
    )
    done = python(folder / "script.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "{'value': 43}\n"), done.stderr
