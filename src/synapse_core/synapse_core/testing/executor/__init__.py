"""The contract of executors: `ExecutorContract`."""

from __future__ import annotations

from synapse_core.testing.executor.cancelling import CancelRules
from synapse_core.testing.executor.isolation import IsolationRules
from synapse_core.testing.executor.outcomes import OutcomeRules
from synapse_core.testing.executor.reports import ReportRules


class ExecutorContract(OutcomeRules, ReportRules, CancelRules, IsolationRules):
    """Every rule of `synapse_core.protocols.Executor`, as tests; subclass it under a name that pytest collects.

    ::

        class TestMyExecutor(ExecutorContract):
            forces = True
            isolates = True

            def make_executor(self):
                return MyExecutor()
    """


__all__ = ["ExecutorContract"]
