"""What a report costs that is durable when it is acknowledged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import count

from benchmarks.service.wire import Server, ask_all, post, server
from benchmarks.suite import Theme, Work

theme = Theme()

_CONNECTIONS = 64
_TIMES = 30
_BARE = "an aiohttp handler that reads the JSON and answers"

Measure = Callable[[Server, list[str], Callable[[int], bytes]], float]


@theme.measures("a batch of one report, 64 connections at once", bare=_BARE, most=7, times=1 / 0.6)
def batches() -> Iterator[Work]:
    """POST …/events, on disk when it is answered. Asked for: at most 1.67 × bare (0.6 × its rate)."""
    yield from _work("/events", _batch, _time)


@theme.measures("a progress report, 64 connections at once", bare=_BARE, most=7, times=1 / 0.6)
def progress() -> Iterator[Work]:
    """POST …/progress as old clients do: compared with the state, on disk, and answered with the whole run."""
    yield from _work("/progress", _report, _time)


@theme.measures("the service's CPU time, a batch", bare=_BARE, most=7, times=1 / 0.6)
def batches_cpu() -> Iterator[Work]:
    """What both of the service's threads compute for it; the disk is not in it."""
    yield from _work("/events", _batch, _cpu)


@theme.measures("the service's CPU time, a progress report", bare=_BARE, most=7, times=1 / 0.6)
def progress_cpu() -> Iterator[Work]:
    """As before."""
    yield from _work("/progress", _report, _cpu)


def _work(end: str, body: Callable[[int], bytes], measure: Measure) -> Iterator[Work]:
    with server("ours") as ours, server("bare") as bare:
        paths = [f"/api/v1/runs/{ours.new_run()}{end}" for _ in range(_CONNECTIONS)]
        numbers = count()

        def sample() -> float:
            start = next(numbers) * _TIMES
            return measure(ours, paths, lambda n: body(start + n))

        yield Work(sample, lambda: measure(bare, ["/post"] * _CONNECTIONS, body))


def _batch(number: int) -> bytes:
    payload = {"category": None, "current": number, "total": 1_000_000}
    event = {"kind": "action.progress", "action": "train", "attempt": 1, "payload": payload}
    return json.dumps({"producer": "p", "epoch": 1, "seq": number, "events": [event]}).encode()


def _report(number: int) -> bytes:
    progress = {"name": "train", "status": "running", "progress": number, "total": 1_000_000}
    return json.dumps({"current_action": "train", "action_progress": progress}).encode()


def _time(asked: Server, paths: list[str], body: Callable[[int], bytes]) -> float:
    """Seconds a request, over all connections; the reports are numbered from 1."""
    requests = [[post(path, body(number)) for number in range(1, _TIMES + 1)] for path in paths]
    return asyncio.run(ask_all(asked.port, requests)) / (len(paths) * _TIMES)


def _cpu(asked: Server, paths: list[str], body: Callable[[int], bytes]) -> float:
    """As `_time`, but what the server computes."""
    before = asked.cpu()
    _time(asked, paths, body)
    return (asked.cpu() - before) / (len(paths) * _TIMES)
