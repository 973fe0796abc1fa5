"""Folders that plugins' own packages are imported from, and how two packages of one name live in one process.

A package is imported the plain way, its folder at the end of ``sys.path``, while that gives this very package. Where
its name, or one that it uses from the same folder, is taken (by another plugin's package, an installed one, the
standard library), it is imported under a private name instead; see `synapse_core.actiondef.private`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Iterator
from importlib.machinery import FileFinder, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from synapse_core.actiondef.private import PrivateNames
from synapse_core.actiondef.target import homes

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([\w., \t]+))", re.MULTILINE)

_roots: dict[str, Root] = {}
_lock = threading.RLock()


def root_at(folder: str | os.PathLike[str]) -> Root:
    """The one `Root` of a folder."""
    path = os.path.realpath(folder)
    with _lock:
        if path not in _roots:
            _roots[path] = Root(path)
        return _roots[path]


def import_from(module: str, root: str | None) -> ModuleType:
    """Import a module; from ``root`` where that folder has it."""
    return importlib.import_module(module) if root is None else root_at(root).import_module(module)


def import_file(path: Path) -> ModuleType:
    """Import a file as the module that it is in its package, or in its folder."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    folder, module = home_of(path)
    root = root_at(folder)
    return root.import_odd(path) if is_odd(path) else root.import_module(module)


def is_odd(path: Path) -> bool:
    """Whether no import statement finds the file: for its name, or a package of the same name beside it."""
    return "." in path.stem or path.suffix != ".py" or (path.with_suffix("") / "__init__.py").is_file()


def home_of(path: Path) -> tuple[str, str]:
    """The folder that a source file is imported from, and its module's name there."""
    path = path.resolve()
    folder, names = path.parent, [path.stem]
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    if len(names) > 1 and names[-1] == "__init__":
        names.pop()
    return str(folder), ".".join(names)


class Root:
    """A folder that modules are imported from."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._private_names = PrivateNames(path, self.is_private)
        self._own: dict[str, ModuleSpec | None] = {}
        self._is_private: dict[str, bool] = {}
        self._on_path = any(os.path.realpath(entry) == path for entry in sys.path)
        finder = sys.path_importer_cache.get(path)
        if isinstance(finder, FileFinder):
            finder.invalidate_caches()  # the folder may be newer than what is remembered of it

    def import_module(self, module: str) -> ModuleType:
        """Import ``pkg.mod``, from here where the folder has it."""
        top = module.partition(".")[0]
        self._forget_absent()
        if self.is_private(top):
            return self._private_names.import_module(module)
        return importlib.import_module(module)

    def import_odd(self, path: Path) -> ModuleType:
        """Import a file of the folder that no import statement finds."""
        return self._private_names.import_file(path)

    def has(self, top: str) -> bool:
        """Whether the folder has a module or package of that name."""
        own = self._spec(top)
        return own is not None and not _is_mere_folder(own)

    def is_private(self, top: str) -> bool:
        """Whether the folder's module of that name is to be had under a private name only. False: it has none."""
        decided = self._is_private.get(top)
        if decided is None:
            with _lock:
                decided = self._is_private.get(top)
                if decided is None:
                    decided = self._is_private[top] = self.has(top) and self._decide(top)
        return decided

    def _decide(self, top: str) -> bool:
        if self._taken(top):
            return True
        if not self._on_path:  # what the user has put on the path is imported as the user's path has it
            if any(self._taken(name) for name in self._used_by(top)):
                return True
            if self.path not in sys.path:
                sys.path.append(self.path)
        homes[top] = self.path
        return False

    def _forget_absent(self) -> None:
        """Look again for what was not there: its file may have been written meanwhile."""
        with _lock:
            for name in [name for name in self._is_private if self._own.get(name) is None]:
                del self._is_private[name]

    def _spec(self, name: str) -> ModuleSpec | None:
        found = self._own.get(name)
        if found is None:
            found = self._own[name] = PathFinder.find_spec(name, [self.path])
        return found

    def _taken(self, name: str) -> bool:
        """Whether a plain import of the name would give something else than the folder's own module."""
        own = self._spec(name)
        if own is None:
            return False
        if name in sys.modules:
            return _places(getattr(sys.modules[name], "__dict__", {}).get("__spec__")) != _places(own)
        found = find_top(name)
        if found is None or (found.origin is None and own.origin is not None):
            return False  # free, or a mere folder elsewhere on the path, which a module of ours goes before
        return _places(found) != _places(own)

    def _used_by(self, top: str) -> set[str]:
        """The folder's names that a module uses, directly or through others, by its import statements."""
        found: set[str] = set()
        waiting = [top]
        while waiting:
            name = waiting.pop()
            own = self._spec(name)
            if own is not None and name not in found:
                found.add(name)
                waiting.extend(_imports(own))
        return found


def find_top(name: str) -> ModuleSpec | None:
    """Where a plain import would have a top module from; None where it would find none."""
    try:
        return importlib.util.find_spec(name)
    except Exception:  # noqa: BLE001  somebody's import hook failed: what it would find is not had by import either
        return None


def _places(spec: ModuleSpec | None) -> set[str]:
    """Where a module's code is."""
    if spec is None:
        return set()
    if spec.origin is not None:
        return {os.path.realpath(spec.origin)}
    return {os.path.realpath(place) for place in spec.submodule_search_locations or ()}


def _is_mere_folder(spec: ModuleSpec) -> bool:
    """Whether it is a folder without Python in it, which an import would take for a package nevertheless."""
    if spec.origin is not None:
        return False
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    return not any(any(folder.glob("*.py")) or any(folder.glob("*/*.py")) for folder in folders)


def _imports(spec: ModuleSpec) -> Iterator[str]:
    """The top names in the absolute import statements of a module, or of all in a package."""
    for file in _sources(spec):
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for one, several in _IMPORT.findall(text):
            names = [one] if one else [part.split()[0] for part in several.split(",") if part.split()]
            yield from (name.partition(".")[0] for name in names)


def _sources(spec: ModuleSpec) -> Iterator[Path]:
    if spec.submodule_search_locations is not None:
        for folder in spec.submodule_search_locations:
            yield from Path(folder).rglob("*.py")
    elif spec.origin is not None and spec.origin.endswith(".py"):
        yield Path(spec.origin)
