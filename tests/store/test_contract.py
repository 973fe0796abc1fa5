"""The SQLite store keeps every rule of stores."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from synapse_core.testing import StoreContract, StoreMachine
from synapse_store import SQLiteStore


class TestSQLiteStore(StoreContract):
    """On a file of its own, at full durability."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make_store(self):
        return SQLiteStore(self.folder / "runs.db")


class TestSQLiteStoreNormal(TestSQLiteStore):
    """On a file of its own, at ``normal`` durability."""

    def make_store(self):
        return SQLiteStore(self.folder / "runs.db", durability="normal")


class SQLiteStoreMachine(StoreMachine):
    """As the kit's machine."""

    def make_store(self):
        self.folder = tempfile.TemporaryDirectory()
        return SQLiteStore(Path(self.folder.name, "runs.db"))

    def teardown(self):
        super().teardown()
        self.folder.cleanup()


TestSQLiteStoreMachine = SQLiteStoreMachine.TestCase
TestSQLiteStoreMachine.settings = settings(max_examples=60, stateful_step_count=30)
