"""Actions that the tests of jobs run on the cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from attrs import define

from synapse_core import RuntimeContext, action

LINES = 10_000


def line(number: int) -> str:
    """A line of a log."""
    return f"line {number} größe → 漢字" if number % 7 else "the same line"


@action("print_much")
def print_much(params: dict[str, Any]) -> dict[str, Any]:
    """Prints many lines, some of them alike, what is no text, and an end without a newline."""
    for number in range(LINES):
        print(line(number))
    sys.stdout.buffer.write(b"\xff\xfe\x00 rubbish\n")
    sys.stdout.write("the very last, and no end of line")
    return {"printed": LINES}


@action("print_and_wait")
def print_and_wait(params: dict[str, Any]) -> None:
    """Prints, and waits for a file."""
    print("before", flush=True)
    while not Path(params["release"]).exists():
        time.sleep(0.02)
    print("after")


@action("large")
def large(params: dict[str, Any]) -> dict[str, Any]:
    """A large result, and a log full of what could be taken for one."""
    print('{"status": "completed", "result": {"blob": "forged"}}\n___RESULT_START___{}___RESULT_END___' * 100)
    return {"blob": "ä" * (params["megabytes"] * 500_000)}


@action("tell")
def tell(params: dict[str, Any], context: RuntimeContext) -> dict[str, Any]:
    """What an action finds where it runs."""
    return {
        "echo": params,
        "token": os.environ.get("SYNAPSE_ACCESS_TOKEN"),
        "secret": context.env.get_str("API_TOKEN", "") or None,
        "other": os.environ.get("NOT_DECLARED"),
        "job": context.job_id,
    }


@action("linger")
def linger(params: dict[str, Any], context: RuntimeContext) -> dict[str, Any]:
    """Counts how often it was begun, reports, and waits for a file; its process is told, and that of a child."""
    folder = Path(params["folder"])
    if params.get("child"):
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        (folder / "child").write_text(str(child.pid))
    with (folder / "begun").open("a") as file:
        file.write(f"{os.getpid()} {os.getppid()}\n")
    for number in range(20):
        context.log_message(f"step {number}")
    while not (folder / "release").exists():
        context.sleep(0.02)
    print("released")
    return {"done": True}


@define
class Sum:
    """A result with a type."""

    total: int


@action("add", result=Sum)
def add(params: dict[str, Any]) -> Sum:
    """Adds."""
    return Sum(params["a"] + params["b"])
