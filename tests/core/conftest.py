"""What the rooms of the core share: a session of its own for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core import Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with a memory store and the built-in plugins only, whose runs have their folders in the test's own."""
    with Session(entry_points=False, work_base=tmp_path / "runs") as made:
        yield made
