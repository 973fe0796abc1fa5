"""A program that does not guard what it does when it is run, and that workers import for its actions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synapse_core.errors import SynapseError
from synapse_core.testing import actions
from synapse_core.worker.loading import loading
from synapse_ray import RayActorExecutor, RayJobExecutor, RayJobsApiExecutor, RayPipelineExecutor
from tests.ray.clusters import TestCluster

NOWHERE = "127.0.0.1:1"


def start(executor: type[Any]) -> None:
    """Start an action, or a pipeline, as such a program does."""
    made = executor(ray_address=f"http://{NOWHERE}" if executor is RayJobsApiExecutor else NOWHERE)
    if executor is RayPipelineExecutor:
        made.submit([actions.report])
    elif executor is RayActorExecutor:
        made.execute(actions.report)
    else:
        made.submit(actions.report)


@pytest.mark.parametrize("executor", [RayActorExecutor, RayJobExecutor, RayJobsApiExecutor, RayPipelineExecutor])
def test_a_worker_that_imports_an_action_starts_none(executor: type[Any]):
    """Whatever it is started by: each would import the program anew, and start one more."""
    with loading("flow.py:train"), pytest.raises(SynapseError, match=r"(?s)imports 'flow.py:train'.*__main__"):
        start(executor)


PROGRAM = """\
import sys
from synapse_core import action
from synapse_ray import RayActorExecutor

@action
def train(params: dict) -> dict:
    return {}

print("begun")
RayActorExecutor(ray_address=sys.argv[1] if sys.argv[1:] else "auto", working_dir=".").execute(train)
"""


@pytest.mark.slow
def test_an_unguarded_program(cluster: TestCluster, tmp_path: Path):
    """It is run once, and told what to do."""
    (tmp_path / "flow.py").write_text(PROGRAM)
    command = [sys.executable, "flow.py", cluster.address]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 1
    assert done.stdout.count("begun") == 1
    assert "which would start the same again" in done.stderr
    assert "put what runs the pipeline under `if __name__ == '__main__':`" in done.stderr
