"""The store against a model of one, with two writers that know nothing of each other, and with crashes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import precondition, rule

from synapse_core.fold import fold
from synapse_core.testing import StoreMachine
from synapse_store import SQLiteStore
from synapse_store.sqlite import shared


class CrashingStores(StoreMachine):
    """Two stores on one file, each with a writer of its own as in two processes; each step is taken with either."""

    async def make_store(self):
        self.folder = tempfile.TemporaryDirectory()
        self.crashes = 0
        self.other = await self._apart()
        return await self._apart()

    async def _apart(self) -> SQLiteStore:
        """A store that shares nothing with those there are."""
        shared._files.clear()
        store = SQLiteStore(self._path())
        await store.list_runs()
        shared._files.clear()
        return store

    def _path(self) -> Path:
        return Path(self.folder.name, str(self.crashes), "runs.db")

    @rule()
    def go_on_with_the_other(self) -> None:
        """The next steps are another process'."""
        self.store, self.other = self.other, self.store

    @rule()
    @precondition(lambda self: self.crashes < 5)
    def crash(self) -> None:
        """All processes die; what is found then is what was on disk."""
        left = self._path().parent
        self.crashes += 1
        shutil.copytree(left, self._path().parent, ignore=shutil.ignore_patterns("*-shm"))
        for store in (self.store, self.other):
            self.do(store.aclose())
        self.store, self.other = self.do(self._apart()), self.do(self._apart())

    @rule()
    def check_lines(self) -> None:
        """What lists show is what the events say."""
        for line in self.do(self.store.list_runs()):
            state = fold(self.do(self.store.read(line.id)))
            shown = line.status, line.started_at, line.completed_at, line.error, line.overall_progress
            said = state.status, state.started_at, state.completed_at, state.error, state.overall_progress
            assert shown == said

    def teardown(self) -> None:
        self.check_lines()
        assert isinstance(self.store, SQLiteStore)
        assert self.do(self.store.check()).problems == ()
        self.do(self.other.aclose())
        super().teardown()
        self.folder.cleanup()


TestCrashingStores = CrashingStores.TestCase
TestCrashingStores.settings = settings(max_examples=40, stateful_step_count=30)
