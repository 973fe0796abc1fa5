"""What survives ``kill -9`` at any instant: all that was acknowledged, and the way to go on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synapse_core import Session
from synapse_core.engine import RunSettings
from synapse_core.errors import StoreError
from synapse_core.events import Draft, Event, Kind, now
from synapse_core.fold import fold
from synapse_core.models import Checkpoint, RunStatus
from synapse_core.protocols import RunInfo, RunRecord
from synapse_core.session.options import Asked
from synapse_core.testing import wait_until
from tests.store import victim
from tests.store.helpers import writable

VICTIM = Path(victim.__file__)


def start(url: str, work: Path, mode: str) -> subprocess.Popen[bytes]:
    """A victim that runs."""
    command = [sys.executable, str(VICTIM), url, str(work), mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kill_often(url: str, work: Path, times: int, chance: random.Random) -> None:
    """Start a victim and kill it, again and again, at instants that fall before, in and after its runs."""
    for _ in range(times):
        process = start(url, work, "forever")
        assert process.stdout is not None
        for _ in range(chance.randint(0, 3)):  # a slow machine is killed before a run by chance, not always
            process.stdout.readline()
        try:
            process.wait(chance.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            pass
        else:
            assert process.stderr is not None
            pytest.fail(f"the victim ended by itself: {process.stderr.read().decode()}")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()


def runs_of(session: Session) -> Iterator[tuple[str, list[Event], list[Checkpoint]]]:
    """Every run in the store, with its events and checkpoints."""
    for summary in session.call(session.store.list_runs(limit=10_000)):
        yield summary.id, *whole(session, summary.id)


def check_run(session: Session, run_id: str, events: list[Event], checkpoints: list[Checkpoint]) -> None:
    """The run is right: its result, its events without a gap, and each checkpoint with its one event."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    progress = session.progress(run_id)
    assert progress.status is RunStatus.COMPLETED, progress.error
    assert fold(events) == progress
    record = session.call(session.store.record(run_id))
    assert progress.result == victim.expected(record.params["seed"])
    completed = Counter(event.action for event in events if event.kind == Kind.ACTION_COMPLETED)
    assert completed == Counter(checkpoint.action_name for checkpoint in checkpoints), "a checkpoint iff its event"
    assert set(completed.values()) == {1}, "completed once"
    done: set[str | None] = set()
    for event in events:
        if event.kind == Kind.ACTION_STARTED:
            assert event.action not in done, "what was completed is not run again"
        elif event.kind == Kind.ACTION_COMPLETED:
            done.add(event.action)


def crash_test(tmp_path: Path, times: int) -> int:
    """Kill a victim that often, let the last one finish, and check all runs; how many of them were recovered."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    kill_often(url, tmp_path, times, random.Random(times))
    last = start(url, tmp_path, "finish")
    _, error = last.communicate(timeout=60)
    assert last.returncode == 0, error.decode()
    recovered = 0
    with Session(store=url, entry_points=True) as session:
        assert session.unfinished() == []
        for run_id, events, checkpoints in runs_of(session):
            check_run(session, run_id, events, checkpoints)
            recovered += any(event.kind == Kind.RUN_RESUMED for event in events)
    return recovered


def test_killed_runs_are_gone_on_with_and_right(tmp_path: Path) -> None:
    """However often an engine is killed, its runs end with the right results, no completed action run again."""
    assert crash_test(tmp_path, 8) > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    """The same, at two hundred instants."""
    assert crash_test(tmp_path, 200) > 50


def test_a_paused_engine_whose_run_was_taken_writes_nothing_more(tmp_path: Path) -> None:
    """An engine stopped past its lease finds, once it goes on, its run taken by another, and stops."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    process = start(url, tmp_path, "forever")
    try:
        with Session(store=url, lease=5.0) as session:
            run_id = paused_run(process, session, tmp_path / "runs.db")
            lease = session.call(session.store.lease(run_id))
            assert lease is not None
            wait_until_expired(session, run_id)
            session.recover(run_id)
            os.kill(process.pid, signal.SIGCONT)
            assert session.wait(run_id).status is RunStatus.COMPLETED
            events = list(session.stream_events(run_id))
        check = [event for event in events if event.kind == Kind.RUN_RESUMED]
        assert len(check) == 1
        with Session(store=url) as session:
            check_run(session, run_id, *whole(session, run_id))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()


def paused_run(process: subprocess.Popen[bytes], session: Session, path: Path) -> str:
    """Stop the process in the middle of a run, at an instant at which it does not hold SQLite's one write lock."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run_id = running(session)
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(process.pid))
        if writable(path) and session.progress(run_id).status is RunStatus.RUNNING:
            return run_id
        os.kill(process.pid, signal.SIGCONT)
    raise AssertionError("it was never in the middle of a run without writing")


def is_stopped(pid: int) -> bool:
    """Whether all threads of a process stand still: a signal takes its time to reach them."""
    try:
        stats = [stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread has ended meanwhile
        return False
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


def running(session: Session) -> str:
    """The id of a run that is in the middle of something, once there is one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for summary in session.call(session.store.list_runs(status=RunStatus.RUNNING)):
            if session.call(session.store.read(summary.id, kinds={Kind.ACTION_CHECKPOINT})):
                return summary.id
    raise AssertionError("the victim has started no run")


def wait_until_expired(session: Session, run_id: str) -> None:
    """Wait until the run can be recovered here."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(run.run_id == run_id and run.reason is None for run in session.unfinished()):
            return
        time.sleep(0.05)
    raise AssertionError("the lease has not expired")


def test_two_engines_on_one_run(tmp_path: Path) -> None:
    """Of two that recover one run at once, one goes on with it; the other is told so, and writes nothing."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    process = start(url, tmp_path, "forever")
    with Session(store=url) as one, Session(store=url) as other:
        run_id = paused_run(process, one, tmp_path / "runs.db")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        taken = [recovered(session, run_id) for session in (one, other)]
        assert taken == [True, False]
        one.wait(run_id)
        check_run(one, run_id, *whole(one, run_id))


def test_two_engines_at_the_same_time_a_hundred_times(tmp_path: Path) -> None:
    """Started at one instant on a run that nobody runs: one of them advances it, whichever that is."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    plan = victim.pipeline().plan
    with Session(store=url) as one, Session(store=url) as other, ThreadPoolExecutor(2) as threads:
        for seed in range(100):
            record = RunRecord(f"run-{seed:03}", plan.name, {"seed": seed}, plan.to_data(), now())
            created = Draft(Kind.RUN_CREATED, record.created_at, payload={**record.plan, "params": record.params})
            one.call(one.store.create(record, [created]))
            taken = list(threads.map(recovered, (one, other), [record.id] * 2))
            assert sorted(taken) == [False, True]
            (one if taken[0] else other).wait(record.id)
            check_run(one, record.id, *whole(one, record.id))


class LateClaim(Session):
    """Claims what it recovers only after another session has run it to its end."""

    other: Session

    def _settings(self, info: RunInfo, asked: Asked) -> RunSettings:
        self.other.recover(info.run_id)
        self.other.wait(info.run_id)
        return super()._settings(info, asked)


def test_a_run_that_ended_between_the_look_and_the_claim_is_left_alone(tmp_path: Path) -> None:
    """Who looked while it was unfinished, and could claim it because it had ended and was given back, is told so."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    plan = victim.pipeline().plan
    with Session(store=url) as one, LateClaim(store=url) as late:
        late.other = one
        record = RunRecord("run", plan.name, {"seed": 1}, plan.to_data(), now())
        created = Draft(Kind.RUN_CREATED, record.created_at, payload={**record.plan, "params": record.params})
        one.call(one.store.create(record, [created]))
        with pytest.raises(StoreError, match="run run has ended"):
            late.recover("run")
        check_run(one, "run", *whole(one, "run"))
        assert one.call(one.store.lease("run")) is None


def whole(session: Session, run_id: str) -> tuple[list[Event], list[Checkpoint]]:
    """All events and checkpoints of a run."""
    return list(session.stream_events(run_id)), list(session.call(session.store.checkpoints(run_id)))


def recovered(session: Session, run_id: str) -> bool:
    """Whether this session may go on with the run."""
    try:
        session.recover(run_id)
    except StoreError:
        return False
    return True
