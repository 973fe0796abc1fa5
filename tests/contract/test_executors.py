"""The executors of this machine keep every rule of executors."""

from __future__ import annotations

from synapse_core import LocalExecutor, ProcessExecutor
from synapse_core.testing import ExecutorContract


class TestLocalExecutor(ExecutorContract):
    def make_executor(self):
        return LocalExecutor()


class TestProcessExecutor(ExecutorContract):
    forces = True
    isolates = True

    def make_executor(self):
        return ProcessExecutor()
