"""What the tests of pipelines on a cluster share: what actions have noted, services as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from synapse_core.events import Event, Kind
from synapse_core.models import PipelineProgress
from synapse_core.testing import wait_until
from synapse_ray import RayPipelineExecutor
from synapse_ray.inbox import NAMESPACE
from synapse_ray.pipeline.orders import engine_name
from synapse_ray.pipeline.service import silent
from tests.ports import free_port

PLUGIN = Path(__file__).parent / "plugin"


@frozen
class Gate:
    """The folder by which actions of ``gated`` and a test know of each other."""

    folder: Path

    def params(self, hold: str = "") -> dict[str, Any]:
        """The params of a run whose action ``hold`` waits."""
        return {"folder": str(self.folder), "hold": hold}

    def notes(self, action: str, what: str) -> list[str]:
        """What an action has noted: a process id for each time."""
        path = self.folder / f"{action}.{what}"
        return path.read_text().split() if path.exists() else []

    def begun(self, action: str, times: int = 1) -> int:
        """Wait until the action has begun so many times; the id of its newest process."""
        found = wait_until(lambda: self.notes(action, "begun")[times - 1 :], f"{action} to begin ({times})")
        return int(found[-1])

    def open(self) -> None:
        """Let go of who waits."""
        (self.folder / "open").touch()

    def ran(self, *actions: str) -> dict[str, int]:
        """How often each has run to its end."""
        return {action: len(self.notes(action, "done")) for action in actions}


def engine_of(run_id: str) -> dict[str, Any]:
    """Where the engine of a run is, as it says itself."""
    import ray

    engine: Any = ray.get_actor(engine_name(run_id), namespace=NAMESPACE)
    where: Any = ray.get(engine.where.remote(), timeout=30)
    return dict(where)


def has_engine(run_id: str) -> bool:
    """Whether the cluster knows an engine of the run."""
    import ray

    try:
        ray.get_actor(engine_name(run_id), namespace=NAMESPACE)
    except ValueError:
        return False
    return True


def told(executor: RayPipelineExecutor, run_id: str, *kinds: Kind) -> list[tuple[str, str | None, int]]:
    """The events of these kinds that a run has had: kind, action, attempt."""
    events: Sequence[Event] = list(executor.stream_events(run_id))
    return [(str(event.kind), event.action, event.attempt) for event in events if event.kind in kinds]


def attempts(progress: PipelineProgress) -> dict[str, int]:
    """How often each action was attempted."""
    return {action.name: action.attempt for action in progress.progress}


@frozen
class Service:
    """``synapse serve`` over a file, in a process that can be killed and started again."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, and wait until it answers."""
        store = f"sqlite:///{self.folder / 'runs.db'}"
        command = [sys.executable, "-m", "synapse_core.cli", "serve", "--port", str(self.port), "--store", store]
        with (self.folder / "service.log").open("ab") as log:
            process = subprocess.Popen([*command, "--no-log"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: silent(self.url) is None, "the service to answer")
        except BaseException:
            process.kill()
            raise
        return process


@contextmanager
def service_in(folder: Path) -> Iterator[tuple[Service, list[subprocess.Popen[bytes]]]]:
    """A service; what runs at the end of the block is ended."""
    service = Service(folder, free_port())
    running = [service.start()]
    try:
        yield service, running
    finally:
        for process in running:
            process.kill()
            process.wait()


def kill(pid: int) -> None:
    """End a process at once."""
    os.kill(pid, signal.SIGKILL)
