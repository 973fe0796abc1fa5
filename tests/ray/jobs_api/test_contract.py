"""Attempts as jobs of Ray keep the rules that all executors keep."""

from __future__ import annotations

import pytest

from synapse_core.ids import new_run_id
from synapse_core.protocols import Call
from synapse_core.testing import ExecutorContract
from synapse_ray.jobs_api import RayJobsApiExecutor
from tests.ray.clusters import TestCluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class OneJobACall(RayJobsApiExecutor):
    """The contract's calls are all of one run, action and attempt, which would be one job."""

    def id_of(self, call: Call) -> str:
        return f"{super().id_of(call)}-{new_run_id()}"


class TestContract(ExecutorContract):
    """What is started here goes to a real cluster, and is asked for over HTTP only."""

    forces = True
    isolates = True

    @pytest.fixture(autouse=True)
    def _board(self, board: TestCluster):
        self.board = board

    def make_executor(self):
        return OneJobACall(dashboard_address=self.board.dashboard_url)
