"""A service is a store: `HTTPStore` keeps every rule of stores."""

from __future__ import annotations

from contextlib import asynccontextmanager

from synapse_core.testing import StoreContract
from synapse_store.client import HTTPStore
from tests.store.serving import served


class TestHTTPStore(StoreContract):
    @asynccontextmanager
    async def store(self):
        with served() as service:
            store = HTTPStore(service.url)
            try:
                yield store
            finally:
                await store.aclose()
