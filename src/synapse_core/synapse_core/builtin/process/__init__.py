"""The executor ``process``: each attempt in a child process of its own."""

from __future__ import annotations

from collections.abc import Iterable

from synapse_core.builtin.process.executor import ProcessExecutor
from synapse_core.hookspecs import hookimpl
from synapse_core.protocols import ExecutorOffer

__all__ = ["ProcessExecutor"]


@hookimpl
def synapse_executors() -> Iterable[ExecutorOffer]:
    """Offer ``process``."""
    return [
        ExecutorOffer(
            "process",
            ProcessExecutor,
            help="a child process an attempt; cancel and timeout kill it and its children",
            forces=True,
        )
    ]
