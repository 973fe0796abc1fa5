"""The plugin: offers the store ``sqlite:`` and the commands ``synapse store …``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from synapse_core import hookimpl
from synapse_core.protocols import Store, StoreOffer

if TYPE_CHECKING:
    import click


def _sqlite(url: str) -> Store:
    from synapse_store.sqlite import SQLiteStore

    return SQLiteStore(url)


@hookimpl
def synapse_stores() -> Iterable[StoreOffer]:
    """Offer ``sqlite:``."""
    return [StoreOffer("sqlite", _sqlite, help="in a file, safe from crashes: sqlite:///runs.db, or sqlite: for yours")]


@hookimpl
def synapse_cli(group: click.Group) -> None:
    """Add ``synapse store check|vacuum|export|prune``."""
    from synapse_store.store_cli import store

    group.add_command(store)
