"""Calls as workers find them."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse_core.errors import DiscoveryError
from synapse_core.protocols import Call
from synapse_core.testing import raises
from synapse_ray.base import BaseRayExecutor
from synapse_ray.packaging import HOME, arrived


def call(entrypoint: str, root: str | Path | None = None) -> Call:
    """A call of an action in a folder."""
    return Call("run", "train", 1, entrypoint, {}, root=None if root is None else str(root))


@pytest.mark.parametrize(
    ("working_dir", "root", "there"),
    [(None, "plug", "."), ("plug", "plug", "."), (".", "plug", "plug"), (".", None, None), (None, None, None)],
)
def test_the_root_is_told_from_the_shipped_folder(
    tmp_path: Path, working_dir: str | None, root: str | None, there: str | None
):
    """A plugin's folder is the shipped one or within it; one that is installed has none."""
    (tmp_path / "plug").mkdir()
    base = BaseRayExecutor(working_dir=None if working_dir is None else tmp_path / working_dir)
    sent = base.remote_call(call("plug.train:Train", None if root is None else tmp_path / root))
    assert (sent.entrypoint, sent.root) == ("plug.train:Train", there)
    assert base.remote_call(sent) == sent


def test_a_file_is_told_from_the_shipped_folder(tmp_path: Path):
    """An entry point in a file is found by the file's place; on the worker it is whole again."""
    (tmp_path / "plug").mkdir()
    file = tmp_path / "plug" / "train.py"
    sent = BaseRayExecutor(working_dir=tmp_path).remote_call(call(f"{file}:Train"))
    assert sent.entrypoint == "plug/train.py:Train"
    there = arrived(sent)
    assert there.entrypoint == f"{HOME}/plug/train.py:Train"
    assert arrived(call("plug.train:Train", ".")).root == str(HOME)
    assert arrived(call("plug.train:Train")).root is None


def test_where_the_folder_is_on_the_cluster_already():
    """With a folder that was shipped before, a call is told from where this process runs in it."""
    base = BaseRayExecutor(runtime_env={"working_dir": "gcs://p.zip"})
    assert base.remote_call(call("plug.train:Train", HOME / "plug")).root == "plug"
    assert base.remote_call(call("plug.train:Train", ".")).root == "."


@pytest.mark.parametrize(
    ("entrypoint", "root", "part"),
    [
        ("/elsewhere/train.py:Train", None, "working_dir='/elsewhere'"),
        ("plug.train:Train", "/elsewhere", "working_dir='/elsewhere'"),
        ("plug.train:make.<locals>.Train", None, "defined inside a function"),
    ],
)
def test_what_no_worker_could_find(tmp_path: Path, entrypoint: str, root: str | None, part: str):
    """Code that is not in the shipped folder, or that no other process can import: said before it is sent."""
    with raises(DiscoveryError, "Train" if root is None and "locals" in entrypoint else "elsewhere", part):
        BaseRayExecutor(working_dir=tmp_path).remote_call(call(entrypoint, root))


def test_a_class_in_main_that_is_not_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A class of the script that runs is the script's file's; where no folder is shipped, it says what to do."""
    import sys

    script = tmp_path / "run.py"
    main = type(sys)("__main__")
    main.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", main)
    with raises(DiscoveryError, str(script), "no folder is shipped", f"working_dir={str(tmp_path)!r}"):
        BaseRayExecutor().remote_call(call("__main__:Train"))
    assert BaseRayExecutor(working_dir=tmp_path).remote_call(call("__main__:Train")).entrypoint == "run.py:Train"
    del main.__file__
    with raises(DiscoveryError, "interactive session"):
        BaseRayExecutor().remote_call(call("__main__:Train"))
