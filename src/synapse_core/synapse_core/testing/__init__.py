"""For those who write plugins: contract kits for stores, executors and sinks, sample actions, and ways to wait.

A kit is a plain class with ``test_…`` methods. Subclass it in your tests, say how your part is made, and every rule of
its protocol is tested::

    from synapse_core.testing import StoreContract

    class TestMyStore(StoreContract):
        def make_store(self):
            return MyStore(":memory:")
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_core.testing import actions as actions
    from synapse_core.testing.executor import ExecutorContract as ExecutorContract
    from synapse_core.testing.sink import SinkContract as SinkContract
    from synapse_core.testing.store import StoreContract as StoreContract
    from synapse_core.testing.store.machine import StoreMachine as StoreMachine
    from synapse_core.testing.waiting import raises as raises
    from synapse_core.testing.waiting import until as until
    from synapse_core.testing.waiting import wait_until as wait_until

if pytest := sys.modules.get("pytest"):  # a rule that is broken shows what was compared, as the tests beside it do
    pytest.register_assert_rewrite(*(f"{__name__}.{kit}" for kit in ("executor", "sink", "store")))

_HOMES = {
    "ExecutorContract": "executor",
    "SinkContract": "sink",
    "StoreContract": "store",
    "StoreMachine": "store.machine",
    "raises": "waiting",
    "until": "waiting",
    "wait_until": "waiting",
}

__all__ = [
    "ExecutorContract",
    "SinkContract",
    "StoreContract",
    "StoreMachine",
    "actions",
    "raises",
    "until",
    "wait_until",
]


def __getattr__(name: str) -> Any:
    # Loaded when used: `StoreMachine` needs hypothesis, which only who uses it has to have.
    if name == "actions":
        return importlib.import_module(f"{__name__}.actions")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
