"""`RayJobExecutor`: jobs in the background, and who may ask for them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse_core import ExecutionError, ValidationError
from synapse_core.testing import actions, wait_until
from synapse_core.testing.processes import is_alive
from synapse_ray import RayJobExecutor
from synapse_ray.attempts.keeper import KEEPER
from synapse_ray.errors import ResourcesError
from synapse_ray.inbox import NAMESPACE
from tests.ray.clusters import TestCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_driver")]


@pytest.fixture(scope="module")
def executor(cluster: TestCluster, module_driver: Any) -> Iterator[RayJobExecutor]:
    made = RayJobExecutor(ray_address=cluster.address)
    try:
        yield made
    finally:
        made.close()
        module_driver.kill(module_driver.get_actor(KEEPER, namespace=NAMESPACE))


def test_many_jobs_at_once(executor: RayJobExecutor):
    """Each has its own result, of its model."""
    jobs = [executor.submit(actions.Add, {"a": n}) for n in range(20)]
    assert len(set(jobs)) == 20
    assert [executor.get_result(job, timeout=60) for job in jobs] == [actions.Sum(n + 1.0) for n in range(20)]
    assert {executor.get_status(job) for job in jobs} == {"SUCCEEDED"}


def test_a_job_is_waited_for(executor: RayJobExecutor, tmp_path: Path):
    """It runs until it has ended; who does not want to wait longer is told."""
    release = tmp_path / "release"
    job = executor.submit(actions.wait, {"release": str(release)}, job_id="waits")
    assert (job, executor.get_status(job)) == ("waits", "RUNNING")
    with pytest.raises(ExecutionError, match=r"'waits' has not ended within 0.1 s"):
        executor.wait(job, 0.1)
    release.touch()
    assert executor.wait(job, 60) == "SUCCEEDED"
    assert executor.get_result(job) == {"released": True}


def test_what_fails_is_told(executor: RayJobExecutor):
    """By status, by wait and by result; an id that is taken, or that nobody knows."""
    failed = executor.submit(actions.fail, {"message": "no luck"})
    for ask in (executor.wait, executor.get_result):
        with pytest.raises(ExecutionError, match="ValueError: no luck"):
            ask(failed, 60)
    assert executor.get_status(failed) == "FAILED"
    with pytest.raises(ValidationError, match="no field 'aa'"):
        executor.wait(executor.submit(actions.Add, {"aa": 1}), 60)
    with pytest.raises(ExecutionError, match="there is a job"):
        executor.submit(actions.echo, job_id=failed)
    assert executor.get_status("nobody's") == "UNKNOWN"
    with pytest.raises(ExecutionError, match='no job "nobody\'s"'):
        executor.get_result("nobody's")


def test_a_large_result_comes_whole(executor: RayJobExecutor):
    """Five million characters."""
    assert len(executor.get_result(executor.submit(actions.big, {"size": 5_000_000}), 60)["blob"]) == 5_000_000


def test_what_a_job_prints_stays_with_its_worker(executor: RayJobExecutor, cluster: TestCluster):
    """In Ray's log of it; what it reports, however much, is let go of, as nobody can ask for it."""
    assert executor.get_result(executor.submit(actions.flood, {"lines": 50, "printed": True}), 60) == {"lines": 50}

    def printed() -> bool:
        logs = (cluster.temp / "session_latest" / "logs").glob("worker-*.out")
        return any(log.read_text().count("\nline ") == 50 for log in logs)

    wait_until(printed, "the lines in a worker's log")
    assert executor.get_result(executor.submit(actions.flood, {"lines": 30_000}), 60) == {"lines": 30_000}


def test_a_job_is_cancelled(executor: RayJobExecutor, tmp_path: Path):
    """It has ended when the call returns, whatever it does."""
    started = tmp_path / "started"
    job = executor.submit(actions.hang_on, {"started": str(started)})
    wait_until(lambda: started.exists() and started.read_text(), "the job to begin")
    assert executor.cancel(job, grace=0.5)
    assert executor.get_status(job) == "FAILED"
    wait_until(lambda: not is_alive(int(started.read_text())), "its worker to be gone")
    assert not executor.cancel(job)


def test_jobs_outlive_who_submitted_them(executor: RayJobExecutor, cluster: TestCluster, tmp_path: Path):
    """A driver that is killed leaves a job that goes on, and anybody can ask for."""
    started, release = tmp_path / "started", tmp_path / "release"
    code = f"""
        import os, signal
        from synapse_core.testing import actions, wait_until
        from synapse_ray import RayJobExecutor
        executor = RayJobExecutor(ray_address={cluster.address!r})
        executor.submit(actions.wait, {{"started": {str(started)!r}, "release": {str(release)!r}}}, job_id="orphan")
        wait_until(lambda: os.path.exists({str(started)!r}), "the job to begin")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=100)
    assert done.returncode == -9
    assert executor.get_status("orphan") == "RUNNING"
    release.touch()
    assert executor.get_result("orphan", timeout=60) == {"released": True}


def test_max_concurrency_bounds_how_many_run(executor: RayJobExecutor, cluster: TestCluster, tmp_path: Path):
    """The second begins when the first has ended."""
    one = RayJobExecutor(ray_address=cluster.address, max_concurrency=1)
    files = [{name: str(tmp_path / f"{name}-{n}") for name in ("started", "release")} for n in range(2)]
    jobs = [one.submit(actions.wait, params) for params in files]
    wait_until(Path(files[0]["started"]).exists, "the first to begin")
    later = executor.submit(actions.echo)  # of another executor, and not held back
    executor.wait(later, 60)
    assert not Path(files[1]["started"]).exists()
    for params in files:
        Path(params["release"]).touch()
    assert [one.wait(job, 60) for job in jobs] == ["SUCCEEDED", "SUCCEEDED"]
    one.close()


def test_a_job_that_waits_for_its_turn_is_cancelled(cluster: TestCluster, tmp_path: Path):
    """It never runs; what ran goes on, and the one behind it has its turn."""
    one = RayJobExecutor(ray_address=cluster.address, max_concurrency=1)
    files = [{name: str(tmp_path / f"{name}-{n}") for name in ("started", "release")} for n in range(3)]
    first, second, third = (one.submit(actions.wait, params) for params in files)
    wait_until(Path(files[0]["started"]).exists, "the first to begin")
    assert one.cancel(second, grace=0.5)
    assert one.get_status(second) == "FAILED"
    for params in files:
        Path(params["release"]).touch()
    assert [one.wait(job, 60) for job in (first, third)] == ["SUCCEEDED", "SUCCEEDED"]
    assert not Path(files[1]["started"]).exists()
    one.close()


def test_what_no_node_has_is_told_at_once(cluster: TestCluster):
    """By submit, before anything waits for it."""
    with pytest.raises(ResourcesError, match="CPU 64"):
        RayJobExecutor(ray_address=cluster.address, num_cpus=64).submit(actions.echo)
