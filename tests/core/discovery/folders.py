"""Helpers of these tests."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

Write = Callable[[Mapping[str, str]], Path]

ACTION = """
from synapse_core.actiondef import BaseAction

class {name}(BaseAction[dict]):
    \"\"\"{name} does its work.\"\"\"
    def execute(self):
        return {{"by": "{name}"}}
"""


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files, each text without its common indentation."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


def action(name: str) -> str:
    """The source of a module with one action."""
    return ACTION.format(name=name)
