"""`RayActorExecutor`, beyond the contract: one action at a time, in an actor that is kept."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from synapse_core import DiscoveryError, ExecutionError, ValidationError
from synapse_core.errors import WorkerDiedError
from synapse_core.loggers import BaseLogger
from synapse_core.testing import actions, wait_until
from synapse_core.testing.processes import is_alive
from synapse_ray import RayActorExecutor, RayTaskExecutor
from synapse_ray.errors import ResourcesError
from tests.ray.attempts import sample
from tests.ray.clusters import TestCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_driver")]


class Heard(BaseLogger):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.progress: list[tuple[float, float | None]] = []

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        self.events.append((kind, payload))

    def messages(self) -> list[str]:
        return [payload["message"] for _, payload in self.events]

    def set_progress(self, current: float, total: float | None = None, category: str | None = None) -> None:
        self.progress.append((current, total))


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def executor(cluster: TestCluster, module_driver: Any, heard: Heard) -> Iterator[RayActorExecutor]:
    with RayActorExecutor(ray_address=cluster.address, grace=2.0, logger=heard) as made:
        yield made


def _pid(executor: RayActorExecutor) -> int:
    return int(executor.execute(actions.describe)["pid"])


def _ctrl_c_when(started: Path) -> threading.Thread:
    """Ctrl-C once that file is there."""

    def watch() -> None:
        wait_until(started.exists, "the action to begin")
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=watch)
    watcher.start()
    return watcher


def test_the_actor_is_kept(executor: RayActorExecutor):
    """Calls share its process, which is not this one; entry points need not be importable here."""
    pid = _pid(executor)
    assert pid != os.getpid()
    assert executor.execute("synapse_core.testing.actions.describe")["pid"] == pid
    assert RayTaskExecutor is RayActorExecutor


def test_results_are_of_their_model(executor: RayActorExecutor):
    """As with the local executor; JSON data where there is no model."""
    assert executor.execute(actions.Add, {"a": 1, "b": 2}) == actions.Sum(3.0)
    assert executor.execute(actions.echo, {"a": [1, None]}) == {"a": [1, None]}


def test_what_goes_wrong_is_told(executor: RayActorExecutor):
    """Every wrong field; type, message and traceback of what was raised, be it as foreign as can be."""
    with pytest.raises(ValidationError) as wrong:
        executor.execute(actions.Add, {"b": "no", "c": 1})
    assert {issue.path for issue in wrong.value.issues} == {"a", "b", "c"}
    with pytest.raises(ExecutionError, match="code 7: no pickle") as failed:
        executor.execute(actions.raise_unpicklable)
    assert failed.value.error_type.endswith("UnpicklableError")
    assert "raise UnpicklableError(7" in failed.value.traceback
    with pytest.raises(DiscoveryError, match=r"ecko(.|\n)*a worker of the cluster looked"):
        executor.execute("synapse_core.testing.actions:ecko")


def test_reports_reach_the_logger(executor: RayActorExecutor, heard: Heard):
    """Those of short actions and of long ones; what is printed, too."""
    heard.events.clear()
    executor.execute(actions.report, {"logs": 2, "progress": 5})
    assert heard.messages() == ["line 0", "line 1"]
    assert heard.progress[-1] == (5.0, 5.0)
    heard.events.clear()
    executor.execute(actions.flood, {"lines": 20_000, "printed": True})
    assert heard.messages() == [f"line {n}" for n in range(20_000)]


def test_a_dead_actor_is_replaced(executor: RayActorExecutor):
    """The call in which it dies fails; one that died between two calls is not noticed at all."""
    pid = _pid(executor)
    with pytest.raises(WorkerDiedError, match="kill_self"):
        executor.execute(actions.kill_self)
    second = _pid(executor)
    assert second != pid
    os.kill(second, signal.SIGKILL)
    wait_until(lambda: not is_alive(second), "the actor to be dead")
    assert _pid(executor) not in {pid, second}


def test_ctrl_c_cancels_the_action(executor: RayActorExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Asked, then interrupted: it has ended when KeyboardInterrupt is raised here, and the actor is kept."""
    monkeypatch.setattr(executor, "_grace", 12.0)  # half of it for what is interrupted to end, on a slow machine too
    pid = _pid(executor)
    started, cleaned = tmp_path / "started", tmp_path / "cleaned"
    watcher = _ctrl_c_when(started)
    with pytest.raises(KeyboardInterrupt):
        executor.execute(actions.hang, {"started": str(started), "cleaned": str(cleaned)})
    watcher.join()
    assert cleaned.exists()
    assert _pid(executor) == pid


def test_ctrl_c_ends_one_that_does_not_listen(executor: RayActorExecutor, tmp_path: Path):
    """With the actor, after the grace period; the next call has another."""
    started = tmp_path / "started"
    watcher = _ctrl_c_when(started)
    with pytest.raises(KeyboardInterrupt):
        executor.execute(actions.hang_on, {"started": str(started)})
    watcher.join()
    gone = int(started.read_text())
    wait_until(lambda: not is_alive(gone), "the actor to be gone")
    assert _pid(executor) != gone


def test_shutdown_ends_the_actor(executor: RayActorExecutor):
    """And the next call starts another."""
    pid = _pid(executor)
    executor.shutdown()
    wait_until(lambda: not is_alive(pid), "the actor to be gone")
    assert _pid(executor) != pid


def test_shutdown_ends_what_actions_left(executor: RayActorExecutor):
    """Until then it stays, whatever else runs in the actor; then it ends with it, wherever it has got to."""
    pid = executor.execute(sample.detach)
    assert _pid(executor) != pid
    assert is_alive(pid)
    executor.shutdown()
    wait_until(lambda: not is_alive(pid), "what was left to be gone")


def test_what_no_node_has_is_told_at_once(cluster: TestCluster):
    """Before anything waits for it."""
    with pytest.raises(ResourcesError, match="GPU 3"):
        RayActorExecutor(ray_address=cluster.address, num_gpus=3).execute(sample.make)
