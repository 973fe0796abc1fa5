"""Remember Synapse runs on disk.

`SQLiteStore` keeps runs in one file that many processes may use; ``store="sqlite:///runs.db"`` names it by URL.
What is here is imported when it is first asked for, so that the plugin costs a session nothing that it does not use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_store.sqlite import SQLiteStore

__all__ = ["SQLiteStore"]

__version__ = "0.1.0"

_HOMES = {"SQLiteStore": "synapse_store.sqlite"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
