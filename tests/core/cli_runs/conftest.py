"""A store with no runs in it, and the commands."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core import Session
from synapse_core.builtin.memory import MemoryStore
from tests.core.cli_runs.helpers import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """A store in memory, shared by a session of the test's and those of the commands."""
    monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "140")
    logger, shown = logging.getLogger("synapse"), warnings.showwarning
    before = logger.handlers[:], logger.propagate
    with Session(store=MemoryStore(), entry_points=False) as session:
        yield Place(session, capsys)
    logger.handlers[:], logger.propagate = before
    warnings.showwarning = shown
