"""Which protocols an executor or a store keeps, asked once a class: that takes longer than starting a task."""

from __future__ import annotations

from typing import Any, TypeGuard

from synapse_core.protocols import DirectStore, Executor, Findable, Store

_KNOWN: dict[tuple[type, type], bool] = {}


def is_direct(store: Store) -> TypeGuard[DirectStore]:
    """Whether threads of actions can write to the store."""
    return _fits(store, DirectStore)


def is_findable(executor: Executor) -> TypeGuard[Findable]:
    """Whether the executor's attempts outlive an engine."""
    return _fits(executor, Findable)


def _fits(value: object, protocol: Any) -> bool:
    key = type(value), protocol
    known = _KNOWN.get(key)
    if known is None:
        known = _KNOWN[key] = isinstance(value, protocol)
    return known
