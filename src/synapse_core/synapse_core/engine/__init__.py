"""The engine: ordering, retries, timeouts, cancel, leases, checkpoints; written once, over the protocols."""

from synapse_core.engine.end import RunEnd
from synapse_core.engine.run import RunEngine
from synapse_core.engine.settings import RunSettings

__all__ = ["RunEnd", "RunEngine", "RunSettings"]
