"""Ten thousand instances of one action: how long, and how much memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.samples import Params, bare, noop, run_through, talk
from benchmarks.suite import Sample, Theme, Work
from benchmarks.timing import once, run
from synapse_core import ActionPipeline, Node, Session

theme = Theme()

INSTANCES = 10_000
_POOLED = "10,000 calls through a ThreadPoolExecutor"


@theme.measures("10,000 instances of a no-op", bare=_POOLED, target=1.5, most=5)
def instances() -> Iterator[Work]:
    """A node with ``each`` over 10,000 items: params, two events and a checkpoint an instance, state folded."""
    with Session(entry_points=False) as session:
        yield Work(once(lambda: fan_out(session, 0)), once(call_pool))


@theme.measures("memory that 10,000 instances add", bare=_POOLED, unit="B", most=3)
def memory() -> Iterator[Work]:
    """Growth of the peak resident size over the run, in a process of its own: states, results and checkpoints."""
    yield Work(_grown_by("fan-out", 0), _grown_by("pool", 0))


@theme.measures("memory, with 100 log lines each", bare="the same instances without a log line", unit="B", most=3)
def memory_with_logs() -> Iterator[Work]:
    """The same with a million log lines in all, which are kept but not in memory."""
    yield Work(_grown_by("fan-out", 100), _grown_by("fan-out", 0))


def fan_out(session: Session, lines: int) -> None:
    """Run the instances, each of which logs so many lines."""
    acted = talk if lines else noop
    pipeline = ActionPipeline([Node(acted, each="x in xs")])
    run_through(session, pipeline, {"xs": list(range(INSTANCES)), "lines": lines})


def call_pool() -> None:
    """The same number of calls through a pool of threads."""
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(bare, map(Params, range(INSTANCES))))


def _grown_by(what: str, lines: int) -> Sample:
    return lambda: float(run([sys.executable, "-m", "benchmarks.core.growth", what, str(lines)]))
