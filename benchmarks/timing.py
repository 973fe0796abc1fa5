"""How long something takes: calls in this process, and programs in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter

from benchmarks.suite import Sample, Unavailable


def per_call(call: Callable[[], object], times: int) -> Sample:
    """Seconds a call, over ``times`` of them."""

    def sample() -> float:
        start = perf_counter()
        for _ in range(times):
            call()
        return (perf_counter() - start) / times

    return sample


def once(call: Callable[[], object], parts: int = 1) -> Sample:
    """Seconds for one call, or for each of the ``parts`` that it is made of."""

    def sample() -> float:
        start = perf_counter()
        call()
        return (perf_counter() - start) / parts

    return sample


def in_thread(call: Callable[[], object], parts: int = 1) -> Sample:
    """As `once`, in a thread of its own, as actions are."""
    sample = once(call, parts)

    def run() -> float:
        took: list[float] = []
        thread = threading.Thread(target=lambda: took.append(sample()))
        thread.start()
        thread.join()
        return took[0]

    return run


def cpu_of(code: str) -> float:
    """Seconds of CPU, user and system, of a Python that runs ``code`` and ends."""
    before = getrusage(RUSAGE_CHILDREN)
    run([sys.executable, "-c", code])
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_over_nothing(code: str) -> Sample:
    """Seconds of CPU that ``code`` adds to a Python that does nothing."""
    return lambda: cpu_of(code) - cpu_of("pass")


def wall_of(command: Sequence[str]) -> Sample:
    """Seconds from starting a program to its end."""
    return once(lambda: run(command))


@lru_cache(maxsize=1)
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def environment() -> Mapping[str, str]:
    """The variables of programs that are measured: modules are compiled by the first of them, and not again.

    So it is where people install them, whatever this process has been told.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": _bytecode().name}


def run(command: Sequence[str]) -> str:
    """Run a program and return what it printed.

    Raises:
        Unavailable: it failed, or is not there.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    except FileNotFoundError as error:
        raise Unavailable(f"there is no {Path(command[0]).name} beside this Python") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise Unavailable(f"{Path(command[0]).name} failed: {reason[-1]}") from error
    return done.stdout
