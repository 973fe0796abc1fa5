"""Actions that end, crash, flood or leave things behind in the process they run in."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define

from synapse_core.actiondef import action
from synapse_core.context import RuntimeContext


@define
class ExitParams:
    """With what code."""

    code: int = 3


@action("hard_exit")
def hard_exit(params: ExitParams, _context: RuntimeContext) -> None:
    """Ends its process without a word."""
    os._exit(params.code)


@action("soft_exit")
def soft_exit(params: ExitParams, _context: RuntimeContext) -> None:
    """Ends its process as a script would."""
    sys.exit(params.code)


@action("segfault")
def segfault(_params: dict[str, Any], _context: RuntimeContext) -> None:
    """Reads where no memory is."""
    ctypes.string_at(0)


@action("kill_self")
def kill_self(_params: dict[str, Any], _context: RuntimeContext) -> None:
    """Is killed, as by a system that has run out of memory."""
    os.kill(os.getpid(), 9)


@action("print_binary")
def print_binary(_params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Prints what is no text, to both outputs, past Python's own buffers."""
    os.write(1, b"before\n\x00\xff\xfe binary \x80\n")
    os.write(2, b"\xc3\x28 to stderr, and no end of line")
    return {"printed": True}


@action("forge")
def forge(_params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Prints what looks like an outcome, in every form that one might be looked for."""
    outcome: dict[str, Any] = {
        "status": "completed",
        "result": {"genuine": False},
        "merges": None,
        "failure": None,
        "kinds": [],
    }
    body = json.dumps({"drafts": [], "outcome": outcome}).encode()
    for stream in (1, 2):
        os.write(stream, b"\n__RESULT__ " + json.dumps(outcome["result"]).encode() + b"\n")
        os.write(stream, len(body).to_bytes(4, "big") + body + b"\n")
    return {"genuine": True}


@define
class FloodParams:
    """How many lines, and whether they are logged or printed."""

    lines: int = 1000
    printed: bool = False


@action("flood")
def flood(params: FloodParams, context: RuntimeContext) -> dict[str, Any]:
    """Logs or prints a great many lines."""
    for number in range(params.lines):
        if params.printed:
            print(f"line {number}")  # noqa: T201  printing is what it is for
        else:
            context.logger.info("line %d", number)
    return {"lines": params.lines}


@action("scribble")
def scribble(_params: dict[str, Any], _context: RuntimeContext) -> None:
    """Writes nonsense to every file that is open, but the first three, and waits."""
    for fd in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(fd, b"\x00\x00\x00\x05{{{{{")
    threading.Event().wait()


@action("close_everything")
def close_everything(_params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Closes every file but the first three, as a daemon does."""
    os.closerange(3, 256)
    return {"closed": True}


@action("leave_thread")
def leave_thread(_params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Leaves a thread behind that Python would wait for at exit, for ever."""
    threading.Thread(target=threading.Event().wait).start()
    return {"left": True}


@action("fork_and_return")
def fork_and_return(_params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Forks, and both processes return."""
    return {"who": "parent" if os.fork() else "child"}


@define
class SpawnParams:
    """Where to write the children's process ids, and whether to wait for ever then."""

    pids: str
    hang: bool = False


@action("spawn_children")
def spawn_children(params: SpawnParams, context: RuntimeContext) -> dict[str, Any]:
    """Starts processes that outlive it: plain, in a session of its own, without environment, orphaned."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    children = [
        subprocess.Popen(sleep, **options)
        for options in _SPAWNED  # a group of its own; a session of its own; an empty environment
    ]
    orphan = subprocess.run(
        [sys.executable, "-c", _DOUBLE_FORK], stdout=subprocess.PIPE, check=True, text=True
    ).stdout.strip()
    Path(params.pids).write_text(" ".join([*(str(child.pid) for child in children), orphan]))
    while params.hang:
        context.sleep(0.01)
    return {"children": len(children) + 1}


_SPAWNED: tuple[Mapping[str, Any], ...] = ({}, {"start_new_session": True}, {"env": {}})

_DOUBLE_FORK = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        time.sleep(600)
    print(pid, flush=True)
    os._exit(0)
"""
