"""Which files of a folder are ignored: by the rules of git, from ``.gitignore`` and ``.synapseignore``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from attrs import evolve, frozen

from synapse_ray.packaging.patterns import Pattern, decide, patterns_of

IGNORE_FILES = (".gitignore", ".synapseignore")
"""Read in this order, so that a line of the second (``!weights/``) goes before those of the first."""

NEVER = frozenset(
    (".git", ".hg", ".svn", ".venv", ".tox", ".nox", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")
)
"""Names that are never shipped, whatever the ignore files say; nor is any folder with a virtual environment in it."""


@frozen
class Rules:
    """The patterns that count in a folder.

    Attributes:
        levels: each folder with patterns, and these; the nearest last.
        first: patterns that go before all others, of the folder that is shipped.
    """

    levels: tuple[tuple[str, Sequence[Pattern]], ...] = ()
    first: tuple[tuple[str, Sequence[Pattern]], ...] = ()

    @classmethod
    def of(cls, folder: Path, excludes: Iterable[str] = ()) -> Rules:
        """The rules for a folder: those of its repository above it, and ``excludes``, which go before all.

        Rules above it that would ignore the whole folder do not count: it was asked for by name.
        """
        rules = cls()
        above = _from_repository(folder)
        for outer, inner in pairwise(above):
            rules = rules.within(outer)
            if rules.ignores(inner, is_dir=True):
                rules = cls()
                break
        return evolve(rules, first=((str(folder), patterns_of(map(_latin, excludes))),))

    def within(self, folder: Path) -> Rules:
        """The rules with those of the folder's own ignore files."""
        patterns = patterns_of(line for name in IGNORE_FILES for line in _lines(folder / name))
        return evolve(self, levels=(*self.levels, (str(folder), patterns))) if patterns else self

    def ignores(self, path: Path, *, is_dir: bool) -> bool:
        """Whether a file or folder is ignored; what is in an ignored folder is so too, without being asked."""
        if path.name in NEVER or path.suffix == ".pyc" or (is_dir and (path / "pyvenv.cfg").is_file()):
            return True
        for folder, patterns in (*self.first, *reversed(self.levels)):
            relative = _latin(os.path.relpath(path, folder).replace(os.sep, "/"))
            found = decide(patterns, relative, is_dir=is_dir)
            if found is not None:
                return found
        return False


def _latin(text: str) -> str:
    """The bytes of a path as text, one character each, as patterns are matched."""
    return os.fsencode(text).decode("latin-1")


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    except OSError:
        return []
    return [line.removesuffix("\r") for line in text.split("\n")]


def _from_repository(folder: Path) -> list[Path]:
    """The folders from the top of the git repository down to ``folder``; only that where there is no repository."""
    for top in (folder, *folder.parents):
        if (top / ".git").exists():
            parts = folder.relative_to(top).parts
            return [top.joinpath(*parts[:count]) for count in range(len(parts) + 1)]
    return [folder]
