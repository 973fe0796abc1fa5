"""Remember Synapse runs on disk, and serve them over HTTP.

`SQLiteStore` keeps runs in one file that many processes may use; ``store="sqlite:///runs.db"`` names it by URL.
`serve` and `create_app` share any store with live streams; `PipelineServiceClient` and `HTTPStore` speak to them.
What is here is imported when it is first asked for, so that the plugin costs a session nothing that it does not use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_store.client import (
        HTTPStore,
        PipelineServiceClient,
        ServiceError,
        ServiceNotFoundError,
        ServiceUnavailable,
    )
    from synapse_store.service import Settings, create_app, serve
    from synapse_store.sqlite import SQLiteStore
    from synapse_store.wire.results import ActionProgress, LogEntry, PipelineProgress

__all__ = [
    "ActionProgress",
    "HTTPStore",
    "LogEntry",
    "PipelineProgress",
    "PipelineServiceClient",
    "SQLiteStore",
    "ServiceError",
    "ServiceNotFoundError",
    "ServiceUnavailable",
    "Settings",
    "create_app",
    "serve",
]

__version__ = "0.1.0"

_HOMES = {
    "SQLiteStore": "synapse_store.sqlite",
    **dict.fromkeys(("Settings", "create_app", "serve"), "synapse_store.service"),
    **dict.fromkeys(
        ("HTTPStore", "PipelineServiceClient", "ServiceError", "ServiceNotFoundError", "ServiceUnavailable"),
        "synapse_store.client",
    ),
    **dict.fromkeys(("ActionProgress", "LogEntry", "PipelineProgress"), "synapse_store.wire.results"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
