"""Engines that are killed: what they do, and how it is looked into afterwards.

They are forked from a server that has imported all of this, so that a kill takes milliseconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from attrs import define, field

from synapse_core.errors import LeaseLostError
from synapse_core.events import Draft, Kind, now
from synapse_core.fold import fold
from synapse_core.protocols import Lease
from synapse_core.testing.store.samples import begun, checkpoint, everything
from synapse_store import SQLiteStore

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def engine(path: str, runs: list[str], owner: str, seed: int, told: Connection) -> None:
    """Claim runs and write to them, for ever; what was acknowledged is told."""
    asyncio.run(_Engine(SQLiteStore(path), owner, random.Random(seed), told).work(runs))


@define
class _Engine:
    store: SQLiteStore
    owner: str
    chance: random.Random
    told: Connection
    turn: int = 0

    async def work(self, runs: list[str]) -> None:
        while True:
            run_id = self.chance.choice(runs)
            try:
                lease = await self.store.acquire(run_id, self.owner, self.chance.uniform(0.005, 0.05))
                await asyncio.gather(*(self._write(lease) for _ in range(self.chance.randint(1, 8))))
            except LeaseLostError:
                await asyncio.sleep(0.002)

    async def _write(self, lease: Lease) -> None:
        for _ in range(self.chance.randint(1, 6)):
            drafts, made = self._action(lease)
            if self.chance.random() < 0.5:
                last = await asyncio.to_thread(self.store.append_now, lease.run_id, drafts, made, lease)
            else:
                last = await self.store.append(lease.run_id, drafts, checkpoints=made, lease=lease)
            self.told.send((lease.run_id, last, lease.epoch, made[0].action_name if made else None))

    def _action(self, lease: Lease) -> tuple[list[Draft], list[Any]]:
        """Some events, mostly with the end of an action and its checkpoint, now and then with a large result."""
        self.turn += 1
        name = f"{self.owner}-{self.turn}"
        payload = {"epoch": lease.epoch}
        drafts = [Draft(Kind.ACTION_LOG, now(), name, 1, payload) for _ in range(self.chance.randint(0, 30))]
        if self.chance.random() < 0.2:
            return [*drafts, Draft(Kind.ACTION_PROGRESS, now(), name, 1, payload)], []
        result = "x" * 1_100_000 if self.chance.random() < 0.02 else {"turn": self.turn}
        done = Draft(Kind.ACTION_COMPLETED, now(), name, 1, payload)
        return [*drafts, done], [checkpoint(lease.run_id, name, 0, result)]


@define
class Crashes:
    """Kills engines at random moments, again and again, and looks at what they leave.

    Attributes:
        acknowledged: how many writes were acknowledged to engines that were killed later.
    """

    path: Path
    chance: random.Random
    acknowledged: int = 0
    runs: list[str] = field(factory=list)

    def kill(self, engines: int = 2) -> None:
        """Let engines work on two new runs, kill them all, each at its moment, and look."""
        asyncio.run(self._begin())
        started = [self._start(f"e{self.acknowledged}{number}") for number in range(engines)]
        told = [_first(heard, self.chance.randint(2, 6)) for _, heard in started]
        for process, _ in started:
            time.sleep(self.chance.uniform(0, 0.03))  # the moment is the test's subject, not its synchronisation
            os.kill(process.pid, signal.SIGKILL)
        for (process, heard), first in zip(started, told, strict=True):
            process.join()
            writes = [*first, *_rest(heard)]
            self.acknowledged += len(writes)
            asyncio.run(self._check_writes(writes))
        asyncio.run(self._check_runs())

    async def _begin(self) -> None:
        store = SQLiteStore(self.path)
        self.runs = [await begun(store, run_id=f"{time.time_ns():x}") for _ in range(2)]
        await store.aclose()

    def _start(self, owner: str) -> tuple[Any, Connection]:
        heard, told = _context.Pipe(duplex=False)
        args = (str(self.path), self.runs, owner, self.chance.getrandbits(32), told)
        process = _context.Process(target=engine, args=args)
        process.start()
        told.close()
        return process, heard

    async def _check_writes(self, writes: list[tuple[str, int, int, str | None]]) -> None:
        """What was acknowledged is there: the event of that number, with that epoch, and its checkpoint."""
        store = SQLiteStore(self.path)
        for run_id in self.runs:
            events = {event.seq: event for event in await everything(store, run_id)}
            made = {c.action_name for c in await store.checkpoints(run_id)}
            for where, last, epoch, action in writes:
                if where == run_id:
                    assert events[last].payload == {"epoch": epoch}
                    assert action is None or action in made
        await store.aclose()

    async def _check_runs(self) -> None:
        """No gaps; a checkpoint if and only if there is its event; no event of an old epoch behind one of a newer."""
        store = SQLiteStore(self.path)
        for run_id in self.runs:
            events = await everything(store, run_id)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            ended = [event.action for event in events if event.kind == Kind.ACTION_COMPLETED]
            assert [c.action_name for c in await store.checkpoints(run_id)] == ended
            epochs = [event.payload["epoch"] for event in events[1:]]
            assert epochs == sorted(epochs)
            assert await store.progress(run_id) == fold(events)
        await store.aclose()


def _first(heard: Connection, count: int) -> list[Any]:
    """What an engine tells first, so that no kill comes before it has begun."""
    return [heard.recv() for _ in range(count)]


def _rest(heard: Connection) -> list[Any]:
    """What a killed engine has told; the last message may be cut off."""
    found = []
    try:
        while True:
            found.append(heard.recv())
    except (EOFError, OSError):
        return found
