"""SIGKILL at any moment: what was acknowledged is there, and nothing by halves."""

from __future__ import annotations

import random

import pytest

from synapse_store import SQLiteStore
from tests.store.crashing import Crashes
from tests.store.helpers import on


def _crash(path, times: int) -> None:
    crashes = Crashes(path, random.Random(times))
    for _ in range(times):
        crashes.kill()
    assert crashes.acknowledged >= 4 * times
    assert on(path, SQLiteStore.check).problems == ()
    on(path, SQLiteStore.vacuum)
    assert on(path, SQLiteStore.check).problems == ()


def test_engines_that_are_killed(tmp_path) -> None:
    """Two engines on the same runs, killed at random moments, 32 times over."""
    _crash(tmp_path / "runs.db", 16)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_engines_that_are_killed_very_often(tmp_path) -> None:
    """As above, 400 times over."""
    _crash(tmp_path / "runs.db", 200)
