"""What ends an attempt on a cluster: a cancel, whatever the action does; a worker that died; one that stands still."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from synapse_core.protocols import Attempt
from synapse_core.testing import until
from synapse_core.testing.executor.rules import call_of, ended, expect, finished
from synapse_core.testing.processes import alive, is_alive
from synapse_ray.attempts import TaskExecutor
from synapse_ray.base import BaseRayExecutor
from synapse_ray.inbox.mailbox import MailboxInbox
from tests.ray.attempts import sample
from tests.ray.clusters import TestCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_driver")]

GRACE = 2.0
"""For actions that are ended by force: it is waited out."""

CLEANING = 12.0
"""For one that cleans up when it is interrupted, at half of it: the other half is a slow machine's."""


def _executor(cluster: TestCluster, **options: Any) -> TaskExecutor:
    return TaskExecutor(BaseRayExecutor(ray_address=cluster.address), MailboxInbox(), **options)


async def _started(executor: TaskExecutor, action: Any, folder: Path) -> tuple[Attempt, Path]:
    """An attempt that has begun, and where its process ids are."""
    pids = folder / action.__name__
    attempt = executor.start(call_of(action, {"pids": str(pids)}, run_id=str(folder)), lambda: None)
    await until(lambda: pids.exists() and pids.read_text(), "the action to begin")
    await asyncio.wait_for(attempt.begun(), 60)
    return attempt, pids


def test_a_cancel_ends_whatever_the_action_does(cluster: TestCluster, tmp_path: Path):
    """A loop, a call that waits in the system, native code that lets nobody run, a tree of processes: all are gone."""

    async def main() -> None:
        executor = _executor(cluster)
        running = [
            await _started(executor, action, tmp_path)
            for action in (sample.spin, sample.nap, sample.hold, sample.breed)
        ]
        _, held = running[2]
        held.with_suffix(".heard").touch()
        await until(held.with_suffix(".holding").exists, "the action to let nobody run")
        graces = (GRACE, CLEANING, GRACE, GRACE)
        cancelling = [attempt.cancel("enough", grace) for (attempt, _), grace in zip(running, graces, strict=True)]
        await asyncio.gather(*cancelling)
        for attempt, _ in running:
            expect(await attempt.outcome(), "cancelled", "enough")
        assert (tmp_path / "nap.cleaned").exists()
        _, bred = running[3]
        await until(lambda: not is_alive(int(held.read_text())), "the worker that lets nobody run to be gone")
        await until(lambda: not alive(bred.read_text().partition(" ")[2]), "the tree to be gone")
        await executor.aclose()

    asyncio.run(main())


def test_a_worker_that_stands_still_is_given_up(cluster: TestCluster, tmp_path: Path):
    """It is killed, although it can do nothing itself; the attempt has died, with the reason."""

    async def main() -> None:
        executor = _executor(cluster, heartbeat_timeout=6.0)
        attempt, pids = await _started(executor, sample.nap, tmp_path)
        pid = int(pids.read_text())
        os.kill(pid, signal.SIGSTOP)
        expect(await asyncio.wait_for(attempt.outcome(), 60), "died", "WorkerDiedError", "'nap'", "not been heard")
        await until(lambda: not is_alive(pid), "the worker to be gone")
        await executor.aclose()

    asyncio.run(main())


def test_what_a_killed_worker_leaves_is_ended(cluster: TestCluster, tmp_path: Path):
    """By its marker, sessions of their own or not, before the attempt is said to have died."""

    async def main() -> None:
        executor = _executor(cluster)
        attempt, pids = await _started(executor, sample.breed, tmp_path)
        worker, children = pids.read_text().split(" ", 1)
        os.kill(int(worker), signal.SIGKILL)
        done = await asyncio.wait_for(ended(attempt), 60)
        expect(done.outcome, "died", "WorkerDiedError", "'breed'", "died")
        assert not alive(children)
        await executor.aclose()

    asyncio.run(main())


def test_one_that_waits_for_room_is_cancelled_at_once(cluster: TestCluster, tmp_path: Path):
    """It never begins, and its time has not begun to run."""

    async def main() -> None:
        full = _executor(cluster)
        base = BaseRayExecutor(ray_address=cluster.address, num_cpus=4)
        executor = TaskExecutor(base, MailboxInbox())
        running, _ = await _started(full, sample.nap, tmp_path)
        waiting = executor.start(call_of(sample.spin, {"pids": str(tmp_path / "never")}), lambda: None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.begun(), 1.0)
        await asyncio.wait_for(waiting.cancel("enough", 300.0), 60)
        expect(await waiting.outcome(), "cancelled", "enough")
        assert not (tmp_path / "never").exists()
        await running.cancel("over", 0.0)
        await asyncio.gather(full.aclose(), executor.aclose())

    asyncio.run(main())


def test_an_action_that_stops_hard_harms_no_worker(cluster: TestCluster, tmp_path: Path):
    """It has a process of its own, which is killed, or crashes, while the worker stays."""

    async def main() -> None:
        executor = _executor(cluster)
        done = await finished(executor, call_of(sample.crash))
        expect(done.outcome, "died", "'crash'", "exit code 3")
        attempt, pids = await _started(executor, sample.refuse, tmp_path)
        child, worker = map(int, pids.read_text().split())
        assert is_alive(worker)
        await attempt.cancel("enough", GRACE)
        expect(await attempt.outcome(), "cancelled", "enough")
        await until(lambda: not is_alive(child), "the child to be gone")
        await executor.aclose()

    asyncio.run(main())
