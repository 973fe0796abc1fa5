"""Going on with a run whose process was killed: what passes before its next action begins."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import time

from benchmarks.suite import Theme, Unavailable, Work
from benchmarks.timing import environment

theme = Theme()

_SYNAPSE = (str(Path(sys.executable).with_name("synapse")),)
_STEPS = """
import os, signal, time
from synapse_core import ActionPipeline, Node, action

@action("step")
def step(_params, ctx):
    if ctx.action == "step50" and "BEGUN" in os.environ:
        with open(os.environ["BEGUN"], "w") as file:
            file.write(repr(time.time()))
    if ctx.action == "step50":
        os.kill(os.getpid(), signal.SIGKILL)

pipeline = ActionPipeline([Node(step, name=f"step{number}") for number in range(1, 101)], name="hundred")
"""
_BARE = """
import asyncio, json, os, sqlite3, sys, time
sqlite3.connect(sys.argv[1]).execute("SELECT * FROM events").fetchall()
with open(os.environ["BEGUN"], "w") as file:
    file.write(repr(time.time()))
"""


@theme.measures("a killed run goes on", bare="a Python that imports asyncio, sqlite3 and json, and reads", target=0.3)
def recovery() -> Iterator[Work]:
    """From the start of `synapse runs recover` to the 50th of 100 actions, in which the run was killed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "steps.py").write_text(_STEPS)
        killed = folder / "killed.db"
        _run(folder, [*_SYNAPSE, "run", "steps.py:pipeline", "--store", f"sqlite:///{killed}", "-q"], {})
        with closing(sqlite3.connect(f"{killed.as_uri()}?mode=ro", uri=True)) as file:
            ((run_id,),) = file.execute("SELECT id FROM runs").fetchall()

        def ours() -> float:
            copy = _copy(killed)
            return _begun(folder, [*_SYNAPSE, "runs", "recover", run_id, "--store", f"sqlite:///{copy}", "-q"])

        yield Work(ours, lambda: _begun(folder, [sys.executable, "-c", _BARE, str(_copy(killed))]))


def _copy(file: Path) -> Path:
    """The store as the killed run has left it, with its log."""
    copy = file.with_name("copy.db")
    for end in ("", "-wal"):
        shutil.copyfile(f"{file}{end}", f"{copy}{end}")
    copy.with_name("copy.db-shm").unlink(missing_ok=True)
    return copy


def _begun(folder: Path, command: Sequence[str]) -> float:
    """Seconds from the start of a program to the moment that it notes."""
    note = folder / "begun"
    note.unlink(missing_ok=True)
    start = time()
    said = _run(folder, command, {"BEGUN": str(note)})
    if not note.exists():
        raise Unavailable(f"{' '.join(command)}: {said}")
    return float(note.read_text()) - start


def _run(folder: Path, command: Sequence[str], env: dict[str, str]) -> str:
    env = {**environment(), **env}
    return subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True).stderr
