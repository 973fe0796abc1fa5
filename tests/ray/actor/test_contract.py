"""`RayActorExecutor`: the contract of executors, in a real actor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from synapse_core.protocols import Executor
from synapse_core.testing import ExecutorContract
from synapse_ray import RayActorExecutor
from tests.ray.clusters import TestCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_driver")]


class TestRayActorExecutor(ExecutorContract):
    """Attempts in one actor, one after the other."""

    forces = True
    executor: RayActorExecutor

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _executor(cls, cluster: TestCluster, module_driver: Any) -> Iterator[None]:
        """One for all rules: closed after each, its actor is kept, as starting one takes seconds where much runs."""
        cls.executor = KeptExecutor(ray_address=cluster.address)
        yield
        cls.executor.shutdown()

    def make_executor(self) -> Executor:
        return self.executor


class KeptExecutor(RayActorExecutor):
    """Ends what runs when it is closed, and keeps its actor."""

    async def aclose(self) -> None:
        await self.end_running()
