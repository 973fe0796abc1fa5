"""What an action pays to say how it is going, in a real run that somebody watches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Thread
from time import perf_counter
from typing import Any

from benchmarks.samples import run_through, talk
from benchmarks.suite import Sample, Theme, Work
from benchmarks.timing import once
from synapse_core import ActionPipeline, RuntimeContext, Session, action
from synapse_core.builtin.console.sink import ConsoleSink
from synapse_core.events import Draft, Kind, now
from synapse_core.protocols import RunInfo

theme = Theme()

_CALLS = 200_000
_LINES = 1_000_000
_STORED = "a dict item assigned"


@action("progress")
def progress(params: dict[str, Any], ctx: RuntimeContext) -> float:
    """Seconds a call, with ``threads`` threads calling at once."""
    return _timed(params["threads"], ctx.set_progress)


@theme.measures("set_progress, a live console watching", bare=_STORED, target=2e-6)
def one_thread() -> Iterator[Work]:
    """200,000 calls in an action of a run that the live console shows."""
    with _watched() as run:
        yield Work(run(1), lambda: _timed(1, _assigning()))


@theme.measures("set_progress, from 8 threads at once", bare=_STORED, target=2e-6)
def eight_threads() -> Iterator[Work]:
    """The same from 8 threads of the action: the time of all over the calls of all, as they share one interpreter."""
    with _watched() as run:
        yield Work(run(8), lambda: _timed(8, _assigning()))


@theme.measures("a log line, of 10⁶ in one action", bare="a draft of it made and appended to a list", most=3)
def log_lines() -> Iterator[Work]:
    """From the action's call until the store has the event: a million lines over the whole time of the run."""
    pipeline = ActionPipeline([talk])
    with Session(entry_points=False) as session:
        yield Work(once(lambda: run_through(session, pipeline, {"lines": _LINES}), _LINES), once(_drafts, _LINES))


def _drafts() -> None:
    kept: list[Draft] = []
    for number in range(_LINES):
        kept.append(Draft(Kind.ACTION_MESSAGE, now(), "talk", 1, {"message": f"line {number}"}))  # noqa: PERF401


def _assigning() -> Callable[[int, int], None]:
    latest: dict[str, tuple[int, int]] = {}

    def assign(current: int, total: int) -> None:
        latest["x"] = (current, total)

    return assign


def _timed(threads: int, call: Callable[[int, int], None]) -> float:
    """Seconds a call, `_CALLS` of them shared by so many threads."""
    each = _CALLS // threads
    ready = Barrier(threads + 1)

    def work() -> None:
        ready.wait()
        for number in range(each):
            call(number, each)

    workers = [Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    start = perf_counter()
    for worker in workers:
        worker.join()
    return (perf_counter() - start) / _CALLS


@contextmanager
def _watched() -> Iterator[Callable[[int], Sample]]:
    """Gives what samples `progress` on so many threads, in runs that a live console draws to nowhere."""
    from rich.console import Console

    pipeline = ActionPipeline([progress])
    info = RunInfo("watched", "pipeline", ("progress",), display="live")
    with Session(entry_points=False) as session, Path(os.devnull).open("w") as nowhere:

        def sample(threads: int) -> float:
            sink = ConsoleSink(info, Console(file=nowhere, force_terminal=True, width=120))
            return float(session.execute(pipeline, {"threads": threads}, sinks=[sink]))

        yield lambda threads: lambda: sample(threads)
