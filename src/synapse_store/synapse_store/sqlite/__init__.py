"""The store ``sqlite:``: runs in one file, safe from crashes and shared by many processes."""

from __future__ import annotations

from synapse_store.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
