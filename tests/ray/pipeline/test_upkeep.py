"""A run whose engine is gone, taken up by another: without a cluster, over a file, after a real death."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse_core import LocalExecutor, Session
from synapse_core.errors import StoreError
from synapse_core.events import now
from synapse_core.models import RunStatus
from synapse_ray.pipeline.upkeep import Upkeep
from tests.ray.pipeline.helpers import PLUGIN, Gate

VICTIM = """\
import sys
sys.path.insert(0, {folder!r})
import {module} as gated
from synapse_core import Node, Session
session = Session(store={store!r})
run_id = session.submit([Node(gated.gated, name="first"), Node(gated.gated, name="second")], {params!r})
print(run_id, flush=True)
session.wait(run_id)
"""


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The URL of a file."""
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def session(store: str) -> Iterator[Session]:
    """A session with that store, as an engine's actor has one."""
    with Session(store=store, lease=2.0) as made:
        yield made


def left_behind(store: str, gate: Gate, folder: Path = PLUGIN, module: str = "gated") -> str:
    """A run whose engine was killed in its second action."""
    source = VICTIM.format(folder=str(folder), module=module, store=store, params=gate.params("second"))
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        run_id = victim.stdout.readline().strip()
        gate.begun("second")
        victim.kill()
    return run_id


def test_a_run_is_gone_on_with(session: Session, store: str, gate: Gate, gated: Any):
    """What has completed stays; it is said each time that it is taken up, and at its end."""
    run_id = left_behind(store, gate)
    gate.open()
    told: list[RunStatus] = []
    Upkeep(session, run_id, LocalExecutor()).go_on(lambda: told.append(session.progress(run_id).status))
    assert len(told) == 2
    assert told[-1] is RunStatus.COMPLETED
    assert gate.ran("first", "second") == {"first": 1, "second": 1}


def test_whoever_has_the_run_is_waited_for(session: Session, store: str, gate: Gate, gated: Any):
    """A lease that lives is left alone, until it ends."""
    run_id = left_behind(store, gate)
    gate.open()
    dead = session.call(session.store.lease(run_id))
    held = session.call(session.store.acquire(run_id, "somebody/1/2/3", 1.5, over=dead))
    at: list[Any] = []
    Upkeep(session, run_id, LocalExecutor()).go_on(lambda: at.append(now()))
    assert at[0] >= held.expires_at
    assert session.progress(run_id).status is RunStatus.COMPLETED


@pytest.mark.slow
def test_a_run_that_cannot_be_gone_on_with_is_ended(session: Session, store: str, gate: Gate, tmp_path: Path):
    """Nobody waits for ever for an engine whose code is gone; the run is failed, with the reason, and free."""
    (tmp_path / "only_there.py").write_text((PLUGIN / "gated.py").read_text())
    run_id = left_behind(store, gate, tmp_path, "only_there")
    Upkeep(session, run_id, LocalExecutor()).go_on(lambda: None)
    progress = session.progress(run_id)
    assert progress.status is RunStatus.FAILED
    assert "the engine was restarted and cannot go on" in (progress.error or "")
    assert session.call(session.store.lease(run_id)) is None
    with pytest.raises(StoreError, match="has failed"):
        session.recover(run_id)
