"""Where an action runs: what is done with a `Call` in a thread, a child process or on a cluster.

A worker has no plugin manager and no store: it gets a call and reports to a `Reporter`.
"""

from synapse_core.worker.hooks import WorkerHooks, hooks_from
from synapse_core.worker.loading import check_not_loading
from synapse_core.worker.perform import perform, perform_async, spec_from
from synapse_core.worker.prepare import Prepared, prepare
from synapse_core.worker.reporter import Reporter

__all__ = [
    "Prepared",
    "Reporter",
    "WorkerHooks",
    "check_not_loading",
    "hooks_from",
    "perform",
    "perform_async",
    "prepare",
    "spec_from",
]
