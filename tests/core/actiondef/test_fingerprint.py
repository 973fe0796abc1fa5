"""What tells whether an action is still the one that made a result."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SOURCE = """
import os
from dataclasses import dataclass, field
from typing import Annotated

import attrs
from synapse_core import action
from synapse_core.actiondef import spec_of
from synapse_core.actiondef.fingerprint import fingerprint
from synapse_core.schema import Schema


@attrs.frozen
class Basis:
    rate: float = 0.1


@attrs.frozen
class Inner(Basis):
    depth: int = 3
    key: str = attrs.field(default="hush", metadata={"secret": True})


@dataclass
class Outer:
    layers: list[Inner]
    process: int = os.getpid()
    sizes: list[int] = field(default_factory=lambda: [1, 2])
    steps: Annotated[int, lambda value: value > 0] = field(default=4, metadata={"help": "how many"})


@action
def work(params: Outer) -> dict:
    return {}


def told():
    return fingerprint(spec_of(work), Schema())


if __name__ == "__main__":
    print(told())
"""


def loaded(file: Path, source: str) -> str:
    """The fingerprint of the source's action, as a module of this process."""
    file.write_text(source)
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[file.stem] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return str(module.told())
    finally:
        del sys.modules[file.stem]


def test_it_is_the_same_in_every_process(tmp_path: Path) -> None:
    """Be it the script's own or one that imports it, and whatever a default comes to there."""
    here = loaded(tmp_path / "work.py", SOURCE)
    script = subprocess.run([sys.executable, "-B", "work.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert script.stdout.strip() == here


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("rate: float = 0.1", "rate: float = 0.2", False),
        ("depth: int = 3", "depth: float = 3", False),
        ("depth: int = 3", "depth: int = 4", False),
        ("lambda: [1, 2]", "lambda: [1, 3]", False),
        ("default=4", "default=5", False),
        ('"how many"', '"how many of them"', True),
        ("value > 0", "value > 1", True),
        ('default="hush"', 'default="quiet"', True),
        ("class Inner(Basis):", 'class Inner(Basis):\n    """What a layer is."""\n', True),
    ],
)
def test_the_models_within_and_their_defaults_count_and_what_is_said_of_them_does_not(
    tmp_path: Path, before: str, after: str, same: bool
) -> None:
    """Those that models contain and inherit, too; what secrets are by default, descriptions and checks do not."""
    assert before in SOURCE
    edited = loaded(tmp_path / "edited.py", SOURCE.replace(before, after))
    assert (loaded(tmp_path / "work.py", SOURCE) == edited) is same
