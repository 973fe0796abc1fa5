"""The executor ``process``: each attempt in a child process of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from synapse_core.hookspecs import hookimpl
from synapse_core.protocols import ExecutorOffer

if TYPE_CHECKING:
    from synapse_core.builtin.process.executor import ProcessExecutor as ProcessExecutor

__all__ = ["ProcessExecutor"]


@hookimpl
def synapse_executors() -> Iterable[ExecutorOffer]:
    """Offer ``process``."""
    return [
        ExecutorOffer(
            "process",
            _executor,
            help="a child process an attempt; cancel and timeout kill it and its children",
            forces=True,
        )
    ]


def _executor(workers: int | None = None, *, linger: float = 5.0) -> ProcessExecutor:
    from synapse_core.builtin.process.executor import ProcessExecutor

    return ProcessExecutor(workers, linger=linger)


def __getattr__(name: str) -> Any:
    # The children import this package too, and have no use for an executor and its asyncio.
    if name != "ProcessExecutor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from synapse_core.builtin.process.executor import ProcessExecutor

    return ProcessExecutor
