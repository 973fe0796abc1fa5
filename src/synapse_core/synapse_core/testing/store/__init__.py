"""The contract of stores: `StoreContract`, and `StoreMachine` for what nobody thought of."""

from __future__ import annotations

from synapse_core.testing.store.checkpoints import CheckpointRules
from synapse_core.testing.store.events import EventRules
from synapse_core.testing.store.leases import LeaseRules
from synapse_core.testing.store.listing import ListRules
from synapse_core.testing.store.watching import WatchRules


class StoreContract(EventRules, CheckpointRules, LeaseRules, WatchRules, ListRules):
    """Every rule of `synapse_core.protocols.Store`, as tests; subclass it under a name that pytest collects.

    ::

        class TestMyStore(StoreContract):
            def make_store(self):
                return MyStore(":memory:")
    """


__all__ = ["StoreContract"]
