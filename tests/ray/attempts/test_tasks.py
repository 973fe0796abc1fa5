"""`TaskExecutor`: the contract of executors, over real workers."""

from __future__ import annotations

import pytest

from synapse_core.protocols import Executor
from synapse_core.testing import ExecutorContract
from synapse_ray.attempts import TaskExecutor
from synapse_ray.base import BaseRayExecutor
from synapse_ray.inbox.mailbox import MailboxInbox
from tests.ray.clusters import TestCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("module_driver")]


class TestTaskExecutor(ExecutorContract):
    """Attempts as tasks."""

    forces = True

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: TestCluster) -> None:
        self.address = cluster.address

    def make_executor(self) -> Executor:
        return TaskExecutor(BaseRayExecutor(ray_address=self.address), MailboxInbox())
