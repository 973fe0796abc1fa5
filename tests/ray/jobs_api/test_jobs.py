"""Jobs on a real cluster, asked for over HTTP: logs to the last line, results of any size, and what ends them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from synapse_core import DiscoveryError, ExecutionError
from synapse_core.protocols import Outcome
from synapse_core.testing import actions, until, wait_until
from synapse_core.testing.executor.rules import call_of
from synapse_core.testing.processes import is_alive
from synapse_ray.errors import ResourcesError
from synapse_ray.jobs_api import JobNotFoundError, JobSetupError, NodeGoneError, RayJobsApiExecutor
from synapse_ray.jobs_api.book import FOLDER, FOLDER_KEY
from synapse_ray.jobs_api.ids import submission_id
from synapse_ray.jobs_api.orders import clear
from tests.ray.clusters import TestCluster
from tests.ray.jobs_api import sample
from tests.ray.jobs_api.gate import Gate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def jobs(board: TestCluster) -> RayJobsApiExecutor:
    """An executor that ships these tests."""
    return executor_of(board)


ENVIRONMENT = {"env_vars": {"PYTHONPATH": str(ROOT)}}


def executor_of(board: TestCluster, **options: object) -> RayJobsApiExecutor:
    given: dict[str, object] = {"runtime_env": ENVIRONMENT, **options}
    return RayJobsApiExecutor(dashboard_address=board.dashboard_url, **given)  # type: ignore[arg-type]


@contextlib.contextmanager
def lingering(
    jobs: RayJobsApiExecutor, folder: Path, params: Mapping[str, object] | None = None, **more: str
) -> Iterator[tuple[str, int, int]]:
    """A job that runs until the block is left: its id, the action's process and the one above it."""
    job_id = jobs.submit(sample.linger, {"folder": str(folder), **(params or {})}, **more)
    try:
        begun = folder / "begun"
        wait_until(lambda: begun.exists() and begun.read_text().endswith("\n"), "the action to begin")
        pid, parent = map(int, begun.read_text().splitlines()[-1].split())
        yield job_id, pid, parent
    finally:
        (folder / "release").touch()


# -- logs -----------------------------------------------------------------------------------------------------


def test_a_log_to_its_last_line(jobs: RayJobsApiExecutor):
    """Ten thousand lines, any text, some lines alike, what is no text, no newline at the end: once each, in order."""
    job_id = jobs.submit(sample.print_much, {})
    streamed = "".join(jobs.stream_logs(job_id))
    printed = "".join(f"{sample.line(number)}\n" for number in range(sample.LINES))
    assert streamed.endswith(f"{printed}\\xff\\xfe\x00 rubbish\nthe very last, and no end of line")
    assert "Runtime env is setting up" in streamed.splitlines()[0]
    assert jobs.get_logs(job_id) == streamed
    assert asyncio.run(collected(jobs, job_id)) == streamed
    assert jobs.get_result(job_id) == {"printed": sample.LINES}


async def collected(jobs: RayJobsApiExecutor, job_id: str) -> str:
    return "".join([line async for line in jobs.stream_logs_async(job_id)])


def test_a_log_is_told_while_the_job_runs(jobs: RayJobsApiExecutor, tmp_path: Path):
    """Line by line; the job ends only after the first was read."""
    release = tmp_path / "release"
    told = []
    for line in jobs.stream_logs(jobs.submit(sample.print_and_wait, {"release": str(release)})):
        told.append(line)
        if line == "before\n":
            release.touch()
    assert told[-2:] == ["before\n", "after\n"]


def test_a_log_is_not_followed_for_ever(jobs: RayJobsApiExecutor, tmp_path: Path):
    """The time that was given is kept, and said."""
    with lingering(jobs, tmp_path) as (job_id, _, _):
        with pytest.raises(ExecutionError, match=r"followed for 0\.5 s, and it still runs"):
            list(jobs.stream_logs(job_id, timeout=0.5))
        with pytest.raises(ExecutionError, match=r"has not ended within 0\.2 s: it is RUNNING"):
            jobs.get_result(job_id, timeout=0.2)
        with pytest.raises(ExecutionError, match=r"has not ended within 0\.2 s"):
            jobs.wait(job_id, 0.2, poll_interval=0.1)


# -- results --------------------------------------------------------------------------------------------------


def test_a_large_result_and_a_misleading_log(jobs: RayJobsApiExecutor, board: TestCluster):
    """50 MB; and another process that only knows the id has it too."""
    job_id = jobs.submit(sample.large, {"megabytes": 50})
    result = executor_of(board).get_result(job_id)
    assert set(result) == {"blob"}
    assert result["blob"] == "ä" * 25_000_000


def test_params_of_any_kind_arrive_and_are_shown_nowhere(board: TestCluster, monkeypatch: pytest.MonkeyPatch):
    """A megabyte, quotes, secrets; of this process's environment only what is declared goes along."""
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "hush-token")
    monkeypatch.setenv("NOT_DECLARED", "stays-here")
    params = {"text": "\"quotes\" 'and' $(more) ä漢 \n" * 40_000, "password": "hush-param"}
    jobs = executor_of(board, env={"API_TOKEN": "hush-env"}, job_id="j-1")
    job_id = jobs.submit(sample.tell, params)
    assert jobs.get_result(job_id) == {
        "echo": params,
        "token": "hush-token",
        "secret": "hush-env",
        "other": None,
        "job": "j-1",
    }
    shown = f"{jobs.dashboard._json('GET', f'/api/jobs/{job_id}')}{jobs.get_logs(job_id)}{jobs!r}"
    assert "hush" not in shown
    parcel = jobs.dashboard.job(job_id).metadata[FOLDER_KEY]
    assert list(board.temp.rglob(f"{parcel}/call.json")) == []
    logs = [path for path in board.temp.glob("*/logs/**/*") if path.is_file() and FOLDER not in path.parts]
    assert logs
    assert [path for path in logs if b"hush" in path.read_bytes()] == []


def test_a_folder_is_removed_only_if_it_is_the_jobs(jobs: RayJobsApiExecutor, board: TestCluster, tmp_path: Path):
    """Where it is, is said by a file that the action could have written; what else that names, stays."""
    job_id = jobs.submit(actions.echo, {})
    assert jobs.wait(job_id) == "SUCCEEDED"
    folder = jobs.dashboard.job(job_id).metadata[FOLDER_KEY]
    (written,) = board.temp.glob(f"session_latest/logs/{FOLDER}/{folder}")
    state = written / "state.json"
    other = tmp_path / "precious"
    other.mkdir()
    for place in (str(other), f"{other}/{FOLDER}/{folder}/../../..", f"{other}/../{FOLDER}/{folder}"):
        state.write_text(json.dumps({**json.loads(state.read_text()), "folder": place}))
        assert clear(jobs.dashboard, jobs.dashboard.job(job_id)) == []
    assert other.exists()


def test_a_result_with_a_type(jobs: RayJobsApiExecutor, board: TestCluster):
    """An instance where it was submitted by its function; elsewhere what it is made of."""
    job_id = jobs.submit(sample.add, {"a": 2, "b": 3})
    assert jobs.get_result(job_id) == sample.Sum(5)
    assert executor_of(board).get_result(job_id) == {"total": 5}


def test_a_working_directory_is_shipped_and_left_as_it_is(board: TestCluster, tmp_path: Path):
    """A plugin that is nowhere on the cluster: found there by its module's name; nothing is written here."""
    (tmp_path / "plug.py").write_text(
        "from pathlib import Path\nfrom synapse_core import action\n\n"
        "@action('here')\ndef here(params: dict) -> dict:\n"
        "    return {'data': Path('data.txt').read_text(), 'home': str(Path.cwd())}\n"
    )
    (tmp_path / "data.txt").write_text("from afar")
    before = sorted(tmp_path.rglob("*"))
    jobs = executor_of(board, working_dir=tmp_path)
    result = jobs.get_result(jobs.submit("plug:here", {}))
    assert result["data"] == "from afar"
    assert Path(result["home"]) != tmp_path
    assert sorted(tmp_path.rglob("*")) == before


# -- by id ----------------------------------------------------------------------------------------------------


def test_a_job_from_its_beginning_to_its_end(jobs: RayJobsApiExecutor, board: TestCluster, tmp_path: Path):
    """Its status, that it is listed, stopped with its process, deleted with its result, and not known any more."""
    with lingering(jobs, tmp_path, job_id=f"mine-{tmp_path.name}") as (job_id, pid, _):
        assert job_id == f"mine-{tmp_path.name}"
        assert jobs.get_status(job_id) == "RUNNING"
        assert job_id in [info.id for info in jobs.list_jobs()]
        with pytest.raises(ExecutionError, match=r"has not ended(.|\n)*stop\(\)"):
            jobs.delete(job_id)
        assert jobs.stop(job_id) is True
        assert jobs.wait(job_id) == "STOPPED"
        wait_until(lambda: not is_alive(pid), "the action's process to be gone")
    assert jobs.stop(job_id) is False
    with pytest.raises(ExecutionError, match="cancelled"):
        jobs.get_result(job_id)
    (written,) = board.temp.glob(f"session_latest/logs/{FOLDER}/{jobs.dashboard.job(job_id).metadata[FOLDER_KEY]}")
    assert (written / "outcome").exists()
    assert jobs.delete(job_id) is True
    assert not written.exists()
    assert not [info.id for info in jobs.list_jobs() if job_id in info.id]
    for ask in (jobs.get_status, jobs.get_logs, jobs.get_result, jobs.wait, jobs.stop, jobs.delete):
        with pytest.raises(JobNotFoundError, match=f"no job '{job_id}' on the cluster"):
            ask(job_id)


def test_an_id_that_is_taken_is_that_job(jobs: RayJobsApiExecutor, tmp_path: Path):
    """Whoever does not know whether a submission came through submits again."""
    job_id = f"twice-{tmp_path.name}"
    assert jobs.submit(actions.echo, {"n": 1}, job_id=job_id) == job_id
    assert jobs.submit(actions.echo, {"n": 1}, job_id=job_id) == job_id
    assert jobs.get_result(job_id) == {"n": 1}
    assert [info.id for info in jobs.list_jobs()].count(job_id) == 1


# -- what goes wrong ------------------------------------------------------------------------------------------


def test_an_action_that_fails(jobs: RayJobsApiExecutor):
    """Its own exception, with type and traceback; the status and the log say it, too."""
    job_id = jobs.submit(actions.fail, {})
    with pytest.raises(ExecutionError, match="'fail' failed") as caught:
        jobs.get_result(job_id)
    assert caught.value.error_type
    assert "Traceback" in caught.value.traceback
    assert jobs.wait(job_id) == "FAILED"
    assert caught.value.error_type.rpartition(".")[2] in jobs.get_logs(job_id)


def test_an_action_that_is_not_there(jobs: RayJobsApiExecutor):
    """Known only where it runs."""
    with pytest.raises(
        DiscoveryError, match=r"cannot load 'nowhere\.to_be:found'(.|\n)*a worker of the cluster looked"
    ):
        jobs.get_result(jobs.submit("nowhere.to_be:found", {}))


def test_a_package_that_cannot_be_installed(board: TestCluster):
    """The package manager's own words are in the error and in the log, which is complete."""
    jobs = executor_of(
        board, runtime_env={"pip": {"packages": ["no-such-thing-at-all"], "pip_install_options": ["--no-index"]}}
    )
    job_id = jobs.submit(actions.echo, {})
    log = "".join(jobs.stream_logs(job_id))
    with pytest.raises(JobSetupError, match="No matching distribution found for no-such-thing-at-all") as caught:
        jobs.get_result(job_id)
    assert "Traceback" not in str(caught.value)
    assert "No matching distribution found for no-such-thing-at-all" in log
    assert jobs.get_logs(job_id) == log


def test_a_cluster_without_synapse(board: TestCluster):
    """Its Python has not got it: the error says what to do about that."""
    elsewhere = {"env_vars": {"SYNAPSE_PYTHON": str(Path(sys.base_prefix, "bin", "python3"))}}
    jobs = executor_of(board, runtime_env=elsewhere)
    with pytest.raises(JobSetupError, match=r"synapse packages are not installed where it runs(.|\n)*include_sdk=True"):
        jobs.get_result(jobs.submit(actions.echo, {}))


def test_a_job_that_is_killed(jobs: RayJobsApiExecutor, tmp_path: Path):
    """By whatever: it is said, and nothing that it started is left."""
    with lingering(jobs, tmp_path, {"child": True}) as (job_id, pid, parent):
        os.kill(parent, signal.SIGKILL)
        with pytest.raises(ExecutionError, match=r"SIGKILL|exit code|before it gave a result"):
            jobs.get_result(job_id, timeout=60)
        assert jobs.wait(job_id) == "FAILED"
        wait_until(lambda: not is_alive(pid), "the action's process to be gone")
        child = int((tmp_path / "child").read_text())
        wait_until(lambda: not is_alive(child), "what it started in a session of its own to be gone")


def test_a_job_that_is_frozen(board: TestCluster, tmp_path: Path):
    """Given up when its patience is over, and ended by Ray; the attempt has died, and may be tried again."""

    async def run() -> Outcome:
        jobs = executor_of(board, heartbeat_timeout=12.0, stop_grace=0.0)
        attempt = jobs.start(call_of(sample.linger, {"folder": str(tmp_path)}, run_id=tmp_path.name), lambda: None)
        begun = tmp_path / "begun"
        await until(lambda: begun.exists() and begun.read_text().endswith("\n"), "the action to begin")
        os.kill(int(begun.read_text().split()[1]), signal.SIGSTOP)
        return await attempt.outcome()

    outcome = asyncio.run(run())
    assert outcome.status == "died"
    assert outcome.failure is not None
    assert "gave no sign of life for" in outcome.failure.message
    pids = [int(pid) for pid in (tmp_path / "begun").read_text().split()]
    wait_until(lambda: not any(map(is_alive, pids)), "its processes to be gone")


def test_a_cancel_says_why_and_leaves_no_trace(jobs: RayJobsApiExecutor, tmp_path: Path):
    """The action hears the reason; how it was told is gone from the list of jobs."""

    async def run() -> Outcome:
        attempt = jobs.start(call_of(sample.linger, {"folder": str(tmp_path)}, run_id=tmp_path.name), lambda: None)
        await until((tmp_path / "begun").exists, "the action to begin")
        await attempt.begun()
        await asyncio.wait_for(attempt.cancel("tired of it", 120.0), 60)
        return await attempt.outcome()

    outcome = asyncio.run(run())
    assert outcome.status == "cancelled"
    assert outcome.failure is not None
    assert outcome.failure.message == "tired of it"
    assert "linger" in outcome.failure.traceback
    own = submission_id(call_of(sample.linger, run_id=tmp_path.name))
    wait_until(lambda: [info.id for info in jobs.list_jobs() if own in info.id] == [own], "the order to be gone")


def test_a_cluster_that_takes_no_orders(board: TestCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An older Ray: then its own stop ends the action, which has less time, and still may clean up."""
    jobs = executor_of(board, stop_grace=30.0)
    monkeypatch.setattr("synapse_ray.jobs_api.stopping.order", lambda *_args, **_more: False)

    async def run() -> Outcome:
        names = ("started", "release", "cleaned")
        params = {name: str(tmp_path / name) for name in names}
        attempt = jobs.start(call_of(actions.wait, params, run_id=tmp_path.name), lambda: None)
        await until((tmp_path / "started").exists, "the action to begin")
        await attempt.begun()
        await asyncio.wait_for(attempt.cancel("tired of it", 300.0), 60)
        return await attempt.outcome()

    outcome = asyncio.run(run())
    assert outcome.status == "cancelled"
    assert outcome.failure is not None
    assert outcome.failure.message == "tired of it"
    assert (tmp_path / "cleaned").exists()


def test_a_job_that_waits_for_resources_can_be_cancelled(board: TestCluster, tmp_path: Path):
    """It has not begun, and its timeout has not; Ray's queue holds nothing up."""

    async def run(jobs: RayJobsApiExecutor) -> Outcome:
        attempt = jobs.start(call_of(actions.echo, {}, run_id=tmp_path.name), lambda: None)
        job_id = submission_id(call_of(actions.echo, {}, run_id=tmp_path.name))
        await until(lambda: job_id in [info.id for info in jobs.list_jobs()], "the job")
        beginning = asyncio.ensure_future(attempt.begun())
        await asyncio.wait_for(attempt.cancel("enough", 300.0), 60)
        assert not beginning.done()
        beginning.cancel()
        return await attempt.outcome()

    needs_all = executor_of(board, resources={"other": 1})
    with lingering(needs_all, tmp_path):
        outcome = asyncio.run(run(needs_all))
    assert outcome.status == "cancelled"
    assert outcome.failure is not None
    assert outcome.failure.message == "enough"


def test_a_dashboard_that_is_away_for_a_while(board: TestCluster, tmp_path: Path):
    """A log that is followed and a result that is waited for go on when it is back, and nothing is told twice."""
    with Gate(board.dashboard_url) as gate:
        jobs = RayJobsApiExecutor(dashboard_address=gate.address, runtime_env=ENVIRONMENT)
        release = tmp_path / "release"
        job_id = jobs.submit(sample.print_and_wait, {"release": str(release)})
        told = []
        for line in jobs.stream_logs(job_id):
            told.append(line)
            if line == "before\n":
                gate.close_to(2)
                release.touch()
        assert told[-2:] == ["before\n", "after\n"]
        assert gate.closed_to == 0
        assert "".join(told) == executor_of(board).get_logs(job_id)


def test_what_no_node_has(board: TestCluster):
    """Said at once, not waited for."""
    with pytest.raises(ResourcesError, match="no node of the Ray cluster has GPU 3"):
        executor_of(board, num_gpus=3).submit(actions.echo, {})


def test_a_job_on_another_node(board: TestCluster):
    """By a resource that only that one has; its log and result are there."""
    jobs = executor_of(board, num_cpus=1, memory=50_000_000, resources={"other": 1})
    job_id = jobs.submit(sample.add, {"a": 1, "b": 1})
    assert jobs.get_result(job_id) == sample.Sum(2)
    info = jobs.dashboard.job(job_id)
    assert info.node not in {jobs.dashboard.head(), None}
    assert "Runtime env is setting up" in jobs.get_logs(job_id)
    assert "Running entrypoint" in jobs.get_logs(job_id)


def test_a_node_that_is_gone(board: TestCluster, tmp_path: Path):
    """The job has failed, and its result is gone with the node: both are said."""
    node = board.add_node(resources={"doomed": 1})
    jobs = executor_of(board, resources={"doomed": 1})
    wait_until(lambda: any("doomed" in amounts for amounts in jobs.dashboard.amounts()), "the node")
    ended = jobs.submit(actions.echo, {"n": 1})
    assert jobs.wait(ended) == "SUCCEEDED"
    with lingering(jobs, tmp_path) as (job_id, pid, _):
        node.kill()
        assert jobs.wait(job_id) == "FAILED"
        wait_until(lambda: not is_alive(pid), "the action's process to be gone")
    for gone in (ended, job_id):
        with pytest.raises(NodeGoneError, match="is gone, and its files with it"):
            jobs.get_result(gone)
    with pytest.raises(NodeGoneError):
        jobs.get_logs(job_id)


# -- an engine that dies ----------------------------------------------------------------------------------------

DRIVER = """
import sys
from synapse_core import Session
from synapse_ray.jobs_api import RayJobsApiExecutor
from tests.ray.jobs_api import sample
from tests.ray.jobs_api.test_jobs import pipeline
url, store, folder = sys.argv[1:]
options = {"dashboard_address": url, "runtime_env": {"env_vars": {"PYTHONPATH": sys.path[0]}}}
with Session(store=store) as session:
    print(session.submit(pipeline(), {"folder": folder}, executor="ray-jobs-api", options=options), flush=True)
    sys.stdin.read()
"""


def pipeline():
    """One action that lingers."""
    from synapse_core import ActionPipeline

    return ActionPipeline([sample.linger], name="far")


def test_a_driver_that_died_finds_its_job_again(board: TestCluster, tmp_path: Path):
    """Killed with SIGKILL while the job runs: the next engine takes it up, and the action has run once."""
    from synapse_core import Session

    store = f"sqlite:///{tmp_path / 'runs.db'}"
    command = [sys.executable, "-c", DRIVER, board.dashboard_url, store, str(tmp_path)]
    driver = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert driver.stdout is not None
    run_id = driver.stdout.readline().strip()
    begun = tmp_path / "begun"
    wait_until(lambda: begun.exists() and begun.read_text().endswith("\n"), "the action to begin")
    with Session(store=store) as session:
        wait_until(lambda: any(e.kind == "action.message" for e in session.call(session.store.read(run_id))), "reports")
        driver.kill()
        driver.wait()
        session.recover(run_id)
        (tmp_path / "release").touch()
        progress = session.wait(run_id, timeout=120)
        events = session.call(session.store.read(run_id, limit=1000))
        assert session.result(run_id) == {"done": True}
    assert progress.status == "completed"
    assert len(begun.read_text().splitlines()) == 1
    told = [event.payload["message"] for event in events if event.kind in {"action.message", "action.log"}]
    assert [text for text in told if text.startswith(("step", "released"))] == [
        *(f"step {number}" for number in range(20)),
        "released",
    ]
    assert {event.attempt for event in events if event.action == "linger"} == {1}
    driver.stdout.close()
    assert driver.stdin is not None
    driver.stdin.close()


def test_an_attempt_that_nobody_started_is_not_found(jobs: RayJobsApiExecutor):
    """The next one is started, then."""
    assert asyncio.run(jobs.find(call_of(actions.echo, run_id="never"), lambda: None)) is None
    assert submission_id(call_of(actions.echo, run_id="never")) == "synapse-never-echo-1"
