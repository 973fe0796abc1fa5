"""What the service brings to Synapse: the stores ``http:`` and ``https:``, and the command ``synapse serve``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from synapse_core.hookspecs import hookimpl
from synapse_core.protocols import Store, StoreOffer

if TYPE_CHECKING:
    import click


def _open(url: str) -> Store:
    from synapse_store.client.store import HTTPStore

    return HTTPStore(url)


@hookimpl
def synapse_stores() -> Iterable[StoreOffer]:
    """Offer a pipeline service as a store."""
    return [StoreOffer(scheme, _open, help="a pipeline service (synapse serve)") for scheme in ("http", "https")]


@hookimpl
def synapse_cli(group: click.Group) -> None:
    """Add ``synapse serve``."""
    from synapse_store.serve_command import serve

    group.add_command(serve)
