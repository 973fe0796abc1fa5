"""The store ``memory:``: runs of this process, gone with it."""

from __future__ import annotations

from collections.abc import Iterable

from synapse_core.builtin.memory.store import MemoryStore
from synapse_core.hookspecs import hookimpl
from synapse_core.protocols import StoreOffer

__all__ = ["MemoryStore"]


@hookimpl
def synapse_stores() -> Iterable[StoreOffer]:
    """Offer ``memory:``."""
    return [StoreOffer("memory", lambda _url: MemoryStore(), help="in this process, gone with it")]
