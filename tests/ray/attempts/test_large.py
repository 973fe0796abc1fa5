"""Large results: from worker to worker, and what becomes of them when the engine is another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core import ExecutionError, Session
from synapse_core.testing import wait_until
from synapse_core.worker.large import TOKEN
from synapse_ray import RayJobExecutor
from tests.ray.attempts import sample
from tests.ray.clusters import TestCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_driver")]

SIZE = 3_000_000


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(store="memory:", entry_points=False, work_base=tmp_path / "runs") as made:
        yield made


def _executor(cluster: TestCluster) -> RayJobExecutor:
    return RayJobExecutor(ray_address=cluster.address)


def _params(folder: Path) -> dict[str, object]:
    return {"size": SIZE, "ran": str(folder / "ran"), "go": str(folder / "go")}


def test_a_large_result_passes_the_engine_by(cluster: TestCluster, session: Session, tmp_path: Path):
    """The checkpoint has a token in its place; the next action has the value, and the run's own result is whole."""
    (tmp_path / "go").touch()
    run_id = session.submit([sample.make, sample.measure], _params(tmp_path), executor=_executor(cluster))
    session.wait(run_id, 60)
    assert session.result(run_id)["length"] == SIZE
    kept, _ = session.call(session.store.checkpoints(run_id))
    assert kept.result["text"][TOKEN]
    assert kept.result["text"]["size"] == SIZE
    whole = session.execute([sample.make], _params(tmp_path), executor=_executor(cluster))
    assert len(whole["text"]) == SIZE


def test_another_engine_reads_it_from_its_file(cluster: TestCluster, session: Session, tmp_path: Path):
    """The objects are gone with the engine that owned them; the action that made it is not run again."""
    run_id = _failed(cluster, session, tmp_path)
    (tmp_path / "go").touch()
    again = session.submit(
        [sample.make, sample.measure], _params(tmp_path), resume_from=run_id, executor=_executor(cluster)
    )
    session.wait(again, 60)
    assert session.result(again)["length"] == SIZE
    assert (tmp_path / "ran").read_text() == "make\n"


def test_what_is_gone_is_told(cluster: TestCluster, session: Session, tmp_path: Path):
    """Never a token for the value: not on the cluster, and not where there is none."""
    run_id = _failed(cluster, session, tmp_path)
    (tmp_path / "go").touch()
    record = session.call(session.store.record(run_id))
    for file in Path(str(record.work_dir), "large").iterdir():
        file.unlink()
    for executor in (_executor(cluster), "local"):
        again = _resumed(session, run_id, tmp_path, executor)
        with pytest.raises(ExecutionError, match=rf"'text', 3.0 MB of the result of 'make' in run {run_id}.*gone|had"):
            session.wait(again, 60)


def _failed(cluster: TestCluster, session: Session, folder: Path) -> str:
    run_id = session.submit([sample.make, sample.measure], _params(folder), executor=_executor(cluster))
    with pytest.raises(ExecutionError, match="not yet"):
        session.wait(run_id, 60)
    kept = Path(session.call(session.store.record(run_id)).work_dir or "", "large")
    wait_until(lambda: [file for file in kept.glob("*") if file.suffix != ".part"], "the values to be written")
    return run_id


def _resumed(session: Session, run_id: str, folder: Path, executor: RayJobExecutor | str) -> str:
    return session.submit([sample.make, sample.measure], _params(folder), resume_from=run_id, executor=executor)
