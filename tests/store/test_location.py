"""Where a store is: paths and URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse_core.context import data_home
from synapse_core.errors import NotFoundError, StoreError
from synapse_core.plugins import PluginManager
from synapse_store import SQLiteStore
from synapse_store.sqlite.location import Location, parse_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///relative.db", "relative.db"),
        ("sqlite:///sub/relative.db?durability=normal", "sub/relative.db"),
        ("sqlite:////abs/olute.db", "/abs/olute.db"),
        ("SQLite:////abs/olute.db", "/abs/olute.db"),
        ("sqlite:////with%20space/gr%C3%B6%C3%9Fe%3F.db", "/with space/größe?.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    """Three slashes are relative to this folder, four absolute; percent signs are decoded; schemes have no case."""
    assert parse_url(url).path == SQLiteStore(url).location.path == Path.cwd() / path


def test_home_is_known() -> None:
    """``~`` is the user's home, in paths and URLs."""
    assert Location("~/runs.db").path == parse_url("sqlite:///~/runs.db").path == Path.home() / "runs.db"


@pytest.mark.parametrize("url", ["sqlite:", "sqlite:///", "sqlite:?durability=normal"])
def test_a_bare_url_is_the_users_own_file(url: str, monkeypatch, tmp_path) -> None:
    """In the platform's folder for the user's data, which SYNAPSE_HOME moves."""
    assert parse_url(url).path == data_home() / "runs.db"
    monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path))
    assert SQLiteStore(url).location.path == SQLiteStore().location.path == tmp_path / "runs.db"


def test_options_of_a_url() -> None:
    """The durability and the time to wait; arguments are over them."""
    url = "sqlite:///runs.db?durability=normal&timeout=0.5"
    assert parse_url(url) == Location("runs.db", "normal", 0.5)
    assert SQLiteStore(url, durability="full", timeout=2).location == Location("runs.db", "full", 2.0)
    assert SQLiteStore(url).location == parse_url(url)
    assert SQLiteStore("runs.db").location.durability == "full"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:runs.db", "sqlite:///relative.db"),
        ("sqlite://host/runs.db", "names no file"),
        ("sqlite:///runs.db?durable=full", "did you mean 'durability'"),
        ("sqlite:///runs.db?durability=ful", "did you mean 'full'"),
        ("sqlite:///runs.db?timeout=soon", "'soon' is no time"),
        ("sqlite:///runs.db?timeout=-1", "'-1' is no time"),
        ("sqlite:///:memory:", "memory:"),
        ("sqlite:///nul%00.db", "null character"),
    ],
)
def test_a_url_that_makes_no_sense(url: str, said: str) -> None:
    """It is told at once, and what to write."""
    with pytest.raises(StoreError, match=said.replace("(", r"\(")):
        SQLiteStore(url)


def test_the_plugin_offers_it() -> None:
    """Installed, it is found by its entry point."""
    pm = PluginManager()
    store = pm.store("sqlite:///some.db").factory("sqlite:///some.db")
    assert isinstance(store, SQLiteStore)
    with pytest.raises(NotFoundError):
        PluginManager(block=["sqlite"]).store("sqlite:///some.db")


def test_making_a_store_makes_no_file(tmp_path) -> None:
    """The file comes with the first use."""
    store = SQLiteStore(tmp_path / "runs.db")
    assert "runs.db" in repr(store)
    assert list(tmp_path.iterdir()) == []
