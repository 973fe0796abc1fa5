"""Plugins in temporary folders, and a process that forgets them after each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from synapse_core.actiondef import private, roots, target
from tests.core.discovery.folders import Write, write_files


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files below the test's folder: ``write({"plugin/config.yaml": "…"})``; gives that folder."""
    return lambda files: write_files(tmp_path, files)


def _is_in(module: ModuleType, folder: Path) -> bool:
    own = vars(module)
    places = [own.get("__file__"), *own.get("__path__", ())]
    return any(str(place).startswith(str(folder)) for place in places)


@pytest.fixture(autouse=True)
def _forget_imports(tmp_path: Path) -> Iterator[None]:
    """What a test imports, and where from, is gone after it."""
    path, finders, modules = list(sys.path), list(sys.meta_path), set(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    new = set(sys.modules) - modules
    for name in [name for name in new if name.startswith(target.PRIVATE) or _is_in(sys.modules[name], tmp_path)]:
        del sys.modules[name]
    for state in (target.homes, roots._roots, private._by_prefix):
        state.clear()
    sys.path_importer_cache.clear()
