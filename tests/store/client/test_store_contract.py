"""A service is a store: `HTTPStore` keeps every rule of stores, whatever is behind the service."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager

import pytest

from synapse_core.builtin.memory import MemoryStore
from synapse_core.testing import StoreContract, StoreMachine
from synapse_store.client import HTTPStore
from synapse_store.sqlite.store import SQLiteStore
from tests.store.serving import served


class TestHTTPStore(StoreContract):
    def behind(self):
        return MemoryStore()

    @asynccontextmanager
    async def store(self):
        with served(self.behind()) as service:
            store = HTTPStore(service.url)
            try:
                yield store
            finally:
                await store.aclose()


@pytest.mark.slow
class TestHTTPStoreOfAFile(TestHTTPStore):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def behind(self):
        return SQLiteStore(self.folder / "runs.db")


class HTTPStoreMachine(StoreMachine):
    def make_store(self):
        self.services = ExitStack()
        return HTTPStore(self.services.enter_context(served()).url)

    def teardown(self):
        super().teardown()
        self.services.close()


TestHTTPStoreMachine = pytest.mark.slow(HTTPStoreMachine.TestCase)
