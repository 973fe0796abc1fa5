"""Actions for tests of attempts on a cluster; a module of its own, as workers import it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from synapse_core import RuntimeContext, action


@action("make")
def make(params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Makes a text of so many characters, and says in a file that it ran."""
    with Path(params["ran"]).open("a") as ran:
        ran.write("make\n")
    return {"text": "x" * params["size"], "made_by": os.getpid()}


@action("measure")
def measure(params: dict[str, Any], _context: RuntimeContext) -> dict[str, Any]:
    """Says how long the text is that it was given; fails while there is no file to go by."""
    if not Path(params["go"]).exists():
        raise RuntimeError("not yet")
    return {"length": len(params["text"]), "measured_by": os.getpid()}


def _write(path: str) -> None:
    Path(path).write_text(str(os.getpid()))


@action("spin")
def spin(params: dict[str, Any], _context: RuntimeContext) -> None:
    """Computes without end."""
    _write(params["pids"])
    while True:
        pass


@action("nap")
def nap(params: dict[str, Any], _context: RuntimeContext) -> None:
    """Waits in the system, in one call, and cleans up."""
    _write(params["pids"])
    try:
        time.sleep(600)
    finally:
        Path(params["pids"]).with_suffix(".cleaned").touch()


@action("hold")
def hold(params: dict[str, Any], _context: RuntimeContext) -> None:
    """Waits in native code that lets no Python thread run, once it is told that it was heard of; says so before."""
    _write(params["pids"])
    while not Path(params["pids"]).with_suffix(".heard").exists():
        time.sleep(0.01)
    native = ctypes.PyDLL(None)
    Path(params["pids"]).with_suffix(".holding").touch()
    native.sleep(600)


@action("breed")
def breed(params: dict[str, Any], _context: RuntimeContext) -> None:
    """Starts a tree of processes, one with a session of its own, and waits for it."""
    nap = "import time; time.sleep(600)"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {nap!r}], start_new_session=True)"
    children = [subprocess.Popen([sys.executable, "-c", code]) for code in (nap, inner)]
    Path(params["pids"]).write_text(" ".join(str(pid) for pid in [os.getpid(), *(child.pid for child in children)]))
    children[0].wait()


@action("detach")
def detach(_params: dict[str, Any], _context: RuntimeContext) -> int:
    """Leaves a process in a session of its own, whose parent has ended; its pid."""
    inner = (
        "import subprocess, sys; nap = 'import time; time.sleep(600)';"
        "print(subprocess.Popen([sys.executable, '-c', nap], start_new_session=True, stdout=subprocess.DEVNULL).pid)"
    )
    return int(subprocess.run([sys.executable, "-c", inner], stdout=subprocess.PIPE, check=True).stdout)


@action("refuse", stop="hard")
def refuse(params: dict[str, Any], _context: RuntimeContext) -> None:
    """Goes on whatever is raised in it."""
    Path(params["pids"]).write_text(f"{os.getpid()} {os.getppid()}")
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(600)


@action("crash", stop="hard")
def crash(_params: dict[str, Any], _context: RuntimeContext) -> None:
    """Ends its process."""
    os._exit(3)
