"""The executor ``local``: actions in threads of this process."""

from __future__ import annotations

from collections.abc import Iterable

from synapse_core.builtin.local.direct import LocalExecutor
from synapse_core.builtin.local.executor import ThreadExecutor
from synapse_core.hookspecs import hookimpl
from synapse_core.protocols import ExecutorOffer

__all__ = ["LocalExecutor", "ThreadExecutor"]


@hookimpl
def synapse_executors() -> Iterable[ExecutorOffer]:
    """Offer ``local``."""
    return [ExecutorOffer("local", LocalExecutor, help="threads of this process; cancel is cooperative")]
