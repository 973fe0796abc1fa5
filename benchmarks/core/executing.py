"""One action run by itself: in this thread, and in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.samples import Params, bare, noop, run_through
from benchmarks.suite import Theme, Work
from benchmarks.timing import once, per_call, wall_of
from synapse_core import ActionPipeline, LocalExecutor, Session
from synapse_core.builtin.memory import MemoryStore

theme = Theme()

_CALLS = 5_000
_BARE = "the params class made and a function called"


@theme.measures("LocalExecutor.execute, nobody listens", bare=_BARE, target=4e-6)
def execute_unheard() -> Iterator[Work]:
    """A no-op with params, in this thread: params checked, context made, action called."""
    executor = LocalExecutor()
    yield Work(per_call(lambda: executor.execute(noop, {"x": 1}), _CALLS), per_call(lambda: bare(Params(x=1)), _CALLS))


@theme.measures("LocalExecutor.execute, with a run record", bare=_BARE, target=15e-6)
def execute_recorded() -> Iterator[Work]:
    """The same with a memory store: a run record, its five events and a checkpoint each time."""
    executor = LocalExecutor(store=MemoryStore())
    yield Work(per_call(lambda: executor.execute(noop, {"x": 1}), _CALLS), per_call(lambda: bare(Params(x=1)), _CALLS))


@theme.measures("one action through a session", bare="a no-op sent to a thread of a pool and waited for")
def execute_in_session() -> Iterator[Work]:
    """A pipeline of one no-op: engine, lease, watch for cancel, thread; what a run costs apart from its actions."""
    pipeline = ActionPipeline([noop])
    with Session(entry_points=False) as session, ThreadPoolExecutor(1) as pool:
        yield Work(
            per_call(lambda: session.execute(pipeline, {"x": 1}), 50),
            per_call(lambda: pool.submit(bare, Params(1)).result(), 50),
        )


@theme.measures("one attempt in a process", bare="python -c pass, started and waited for")
def execute_in_process() -> Iterator[Work]:
    """A pipeline of one no-op with the executor ``process``: a fresh Python that imports the action and runs it."""
    pipeline = ActionPipeline([noop])
    with Session(entry_points=False) as session:
        yield Work(
            once(lambda: run_through(session, pipeline, {"x": 1}, executor="process")),
            wall_of([sys.executable, "-c", "pass"]),
        )
