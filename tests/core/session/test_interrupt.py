"""Ctrl-C: once cancels the run and waits for it, twice forces it; as a terminal does it, by SIGINT."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synapse_core.testing import wait_until
from synapse_core.testing.processes import is_alive

PROGRAM = """
import sys
import threading
import time
from synapse_core import ActionPipeline, Session
from synapse_core.testing import actions

folder, action, executor, grace = sys.argv[1:]
params = {name: f"{folder}/{name}" for name in ("started", "release", "cleaning", "cleaned")}

with Session(entry_points=False, work_base=folder) as session:
    def note():
        while not any(session.progress(run.id).cancel_requested for run in session.call(session.store.list_runs())):
            time.sleep(0.01)
        open(f"{folder}/asked", "w").close()

    threading.Thread(target=note, daemon=True).start()
    try:
        ActionPipeline([getattr(actions, action), actions.echo]).execute(
            params, session=session, executor=executor, grace=float(grace)
        )
    except KeyboardInterrupt:
        (run,) = session.call(session.store.list_runs())
        print("interrupted", run.status, run.error, flush=True)
"""


@contextmanager
def program(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program whose action has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SYNAPSE_HOME": str(folder)},
    )
    try:
        wait_until(lambda: (folder / "started").exists() and (folder / "started").read_text(), "the action to begin")
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("executor", ["local", "process"])
def test_once_cancels_and_waits_for_the_cleanup(tmp_path: Path, executor: str):
    """The action's `finally` runs to its end; then KeyboardInterrupt is raised as ever."""
    with program(tmp_path, "slow_cleanup", executor, "60") as process:
        process.send_signal(signal.SIGINT)
        wait_until((tmp_path / "cleaning").exists, "the cleanup to begin")
        wait_until((tmp_path / "asked").exists, "the program's own watcher to be done with its session")
        assert process.poll() is None
        (tmp_path / "release").touch()
        out, err = process.communicate(timeout=60)
    assert (out, err) == ("interrupted cancelled interrupted\n", "")
    assert (tmp_path / "cleaned").exists()


def test_twice_forces_it(tmp_path: Path):
    """An action that does not listen is killed at once, however long the grace period."""
    with program(tmp_path, "hang_on", "process", "3600") as process:
        pid = int((tmp_path / "started").read_text())
        process.send_signal(signal.SIGINT)
        wait_until((tmp_path / "asked").exists, "the first to be taken")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err) == ("interrupted cancelled interrupted\n", "")
    assert not is_alive(pid)


def test_twice_leaves_a_thread_behind(tmp_path: Path):
    """Which cannot be forced: the program ends without it."""
    with program(tmp_path, "hang_on", "local", "3600") as process:
        process.send_signal(signal.SIGINT)
        wait_until((tmp_path / "asked").exists, "the first to be taken")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert out == "interrupted cancelled interrupted\n"


def test_killing_the_program_ends_its_processes(tmp_path: Path):
    """Whatever ends the engine, by SIGKILL too: the child notices, and ends with all that it started."""
    with program(tmp_path, "hang_on", "process", "60") as process:
        pid = int((tmp_path / "started").read_text())
        process.kill()
        wait_until(lambda: not is_alive(pid), "the child to be gone")
