"""What a report costs that is durable when it is acknowledged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import count
from time import perf_counter

from benchmarks.service.wire import Connection, Server, server
from benchmarks.suite import Theme, Work

theme = Theme()

_CONNECTIONS = 64
_TIMES = 30
_BARE = "an aiohttp handler that reads the JSON and answers"


@theme.measures("a batch of one report, 64 connections at once", bare=_BARE, most=7, times=1 / 0.6)
def batches() -> Iterator[Work]:
    """POST …/events, on disk when it is answered. Asked for: at most 1.67 × bare (0.6 × its rate)."""
    with server("ours") as ours, server("bare") as bare:
        runs = [ours.new_run() for _ in range(_CONNECTIONS)]
        numbers = count(1)

        def sample() -> float:
            start = next(numbers) * _TIMES
            return _time(ours, [f"/api/v1/runs/{run}/events" for run in runs], lambda n: _batch(start + n - _TIMES + 1))

        yield Work(sample, lambda: _time(bare, ["/post"] * _CONNECTIONS, _batch))


@theme.measures("a progress report, 64 connections at once", bare=_BARE, most=7, times=1 / 0.6)
def progress() -> Iterator[Work]:
    """POST …/progress as old clients do: compared with the state, on disk, and answered with the whole run."""
    with server("ours") as ours, server("bare") as bare:
        runs = [ours.new_run() for _ in range(_CONNECTIONS)]
        numbers = count(1)

        def sample() -> float:
            start = next(numbers) * _TIMES
            return _time(ours, [f"/api/v1/runs/{run}/progress" for run in runs], lambda n: _report(start + n))

        yield Work(sample, lambda: _time(bare, ["/post"] * _CONNECTIONS, _report))


def _batch(number: int) -> bytes:
    payload = {"category": None, "current": number, "total": 1_000_000}
    event = {"kind": "action.progress", "action": "train", "attempt": 1, "payload": payload}
    return json.dumps({"producer": "p", "epoch": 1, "seq": number, "events": [event]}).encode()


def _report(number: int) -> bytes:
    progress = {"name": "train", "status": "running", "progress": number, "total": 1_000_000}
    return json.dumps({"current_action": "train", "action_progress": progress}).encode()


def _time(asked: Server, paths: list[str], body: Callable[[int], bytes]) -> float:
    """Seconds a request, over all connections."""

    async def one(connection: Connection, path: str) -> None:
        for number in range(_TIMES):
            await connection.ask("POST", path, body(number))

    async def all_of_them() -> float:
        connections = [await Connection.open(asked.port) for _ in paths]
        start = perf_counter()
        await asyncio.gather(*map(one, connections, paths))
        taken = perf_counter() - start
        for connection in connections:
            connection.close()
        return taken / (len(paths) * _TIMES)

    return asyncio.run(all_of_them())
