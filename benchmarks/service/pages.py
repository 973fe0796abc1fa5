"""A page of a long list of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import perf_counter

from benchmarks.service.wire import Connection, Server, server
from benchmarks.suite import Theme, Work

theme = Theme()

_BARE = "aiohttp sends as many bytes"


@theme.measures("a page of 100 runs out of 100,000", bare=_BARE, target=10e-3)
def page() -> Iterator[Work]:
    """GET /api/v1/runs, whole runs, the second time and later: runs that have ended are encoded once."""
    with server("ours", 100_000) as ours, server("bare") as bare:
        yield Work(lambda: _time(ours, "/api/v1/runs/"), lambda: _time(bare, "/page"))


@theme.measures("the same as summaries", bare=_BARE, target=10e-3)
def summaries() -> Iterator[Work]:
    """With ?view=summary, as the dashboard and stores ask."""
    with server("ours", 20_000) as ours, server("bare") as bare:
        yield Work(lambda: _time(ours, "/api/v1/runs/?view=summary"), lambda: _time(bare, "/page"))


def _time(asked: Server, path: str) -> float:
    async def one() -> float:
        connection = await Connection.open(asked.port)
        start = perf_counter()
        for _ in range(20):
            await connection.ask("GET", path)
        taken = perf_counter() - start
        connection.close()
        return taken / 20

    return asyncio.run(one())
