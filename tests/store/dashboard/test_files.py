"""The files of the dashboard: plain, small, and in the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import synapse_store

FOLDER = Path(synapse_store.__file__).parent / "dashboard"
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in {".html", ".js", ".css", ".svg"})
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setHTML")
ELSEWHERE = re.compile(r"""["'(](https?:)?//(?!www\.w3\.org/2000/svg)""")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_plain(path: Path) -> None:
    """Small, without markup made of text, and without another host."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    assert MARKUP.findall(text) == []
    assert ELSEWHERE.findall(text) == []


def test_the_page_names_only_files_that_are_there() -> None:
    """Every file that the page or a module asks for exists, and every file is asked for."""
    asked = {"index.html"}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'"/static/([\w.]+)"', text)) | set(re.findall(r'from "\./([\w.]+)"', text))
    assert asked == {path.name for path in FILES}


@pytest.mark.slow
def test_the_wheel_has_the_files(tmp_path: Path) -> None:
    """What is built of synapse-store brings the page along."""
    member = Path(synapse_store.__file__).parents[1]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=member, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"synapse_store/dashboard/{path.name}" for path in FILES} <= names
