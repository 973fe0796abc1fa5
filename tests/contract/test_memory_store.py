"""The memory store keeps every rule of stores."""

from __future__ import annotations

from synapse_core.builtin.memory import MemoryStore
from synapse_core.testing import StoreContract, StoreMachine


class TestMemoryStore(StoreContract):
    def make_store(self):
        return MemoryStore()


class MemoryStoreMachine(StoreMachine):
    def make_store(self):
        return MemoryStore()


TestMemoryStoreMachine = MemoryStoreMachine.TestCase
