"""What the engine is made to work with, known only by these protocols: executors, stores and sinks.

All values that cross to a worker or a store are plain data; `Call.spec` is the one exception, and stays in the
process that made it.
"""

from synapse_core.protocols.executors import (
    Attempt,
    Call,
    Executor,
    Findable,
    Outcome,
    OutcomeStatus,
    PipelineHost,
    Queued,
    Then,
)
from synapse_core.protocols.offers import ExecutorOffer, StoreOffer
from synapse_core.protocols.sinks import RunInfo, Sink
from synapse_core.protocols.stores import (
    DirectStore,
    Lease,
    PipelineRecord,
    PipelineStore,
    RunRecord,
    RunSummary,
    Store,
    claimable,
)

__all__ = [
    "Attempt",
    "Call",
    "DirectStore",
    "Executor",
    "ExecutorOffer",
    "Findable",
    "Lease",
    "Outcome",
    "OutcomeStatus",
    "PipelineHost",
    "PipelineRecord",
    "PipelineStore",
    "Queued",
    "RunInfo",
    "RunRecord",
    "RunSummary",
    "Sink",
    "Store",
    "StoreOffer",
    "Then",
    "claimable",
]
