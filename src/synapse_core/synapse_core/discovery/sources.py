"""The source files of a folder, and the names that their modules are imported by."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from copy import copy
from hashlib import blake2b
from pathlib import Path

from synapse_core.actiondef.roots import home_of, is_odd
from synapse_core.discovery.facts import ModuleFacts, read_facts
from synapse_core.discovery.problem import Problem
from synapse_core.errors import DiscoveryError

_NEVER = frozenset({"__pycache__", "node_modules", "site-packages"})
_LARGEST = 4 * 1024 * 1024


def source_files(path: Path) -> list[Path]:
    """The Python files of a folder and the folders in it; hidden ones, caches and environments are left out.

    Raises:
        DiscoveryError: there is no such path.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DiscoveryError(f"there is no file or folder {path}", hint="check the path")
    return sorted(_walk(path))


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        here = Path(place)
        if here != folder and "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _NEVER]
        yield from (here / name for name in files if name.endswith(".py") and not name.startswith("."))


def read_modules(path: Path, problems: list[Problem]) -> list[ModuleFacts]:
    """The facts of every source file at ``path``, under the names that they are imported by.

    A file that is not Python becomes a problem. Nothing is read further where no file mentions this package at all.
    """
    files = source_files(path)
    sources = {file: data for file in files if (data := _read(file, problems)) is not None}
    if not any(b"synapse_core" in data for data in sources.values()):
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of somebody's escape sequences
        modules = [facts for file, data in sources.items() if (facts := _parse(file, data, problems)) is not None]
    _name_modules(path, modules)
    return modules


def _read(file: Path, problems: list[Problem]) -> bytes | None:
    try:
        if file.stat().st_size > _LARGEST:
            problems.append(Problem(str(file), f"not looked at: more than {_LARGEST >> 20} MiB of source"))
            return None
        return file.read_bytes()
    except OSError as error:
        problems.append(Problem(str(file), f"cannot be read: {error.strerror}", "check its rights"))
        return None


_parsed: dict[tuple[Path, bytes], ModuleFacts] = {}
_MOST_PARSED = 1000


def _facts(file: Path, source: bytes) -> ModuleFacts:
    """The facts of a source, parsed once as long as it stays the same: parsing is most of what a scan costs."""
    key = file, blake2b(source, digest_size=16).digest()
    found = _parsed.get(key)
    if found is None:
        if len(_parsed) >= _MOST_PARSED:
            _parsed.clear()
        found = _parsed[key] = read_facts(source, file)
    return copy(found)


def _parse(file: Path, source: bytes, problems: list[Problem]) -> ModuleFacts | None:
    try:
        return _facts(file, source)
    except SyntaxError as error:
        where = f"{file}:{error.lineno}" if error.lineno else str(file)
        problems.append(Problem(where, f"{type(error).__name__}: {error.msg}", "actions in this file are not seen"))
    except (ValueError, RecursionError, MemoryError) as error:
        problems.append(Problem(str(file), f"{type(error).__name__}: {error}", "actions in this file are not seen"))
    return None


def _name_modules(path: Path, modules: list[ModuleFacts]) -> None:
    root, prefix = (path.parent, "") if path.is_file() else _base(path.resolve(), modules)
    for facts in modules:
        facts.root, facts.name = _home(facts.file, path, root, prefix)


def _base(folder: Path, modules: Iterable[ModuleFacts]) -> tuple[Path, str]:
    """The folder that a plugin folder's modules are imported from, and the package that the folder is there."""
    if (folder / "__init__.py").is_file():
        root, package = home_of(folder / "__init__.py")
        return Path(root), package
    name = folder.name
    own = (folder / name).is_dir() or (folder / f"{name}.py").is_file()
    if not own and any(_imports_top(facts, name) for facts in modules):
        return folder.parent, name
    return folder, ""


def _imports_top(facts: ModuleFacts, name: str) -> bool:
    return any(level == 0 and module.partition(".")[0] == name for level, module, _ in facts.imports.values())


def _home(file: Path, folder: Path, root: Path, prefix: str) -> tuple[str | None, str]:
    """The root and the module's name of a file."""
    if is_odd(file):
        return None, str(file.resolve())
    if file == folder or (not prefix and (file.parent / "__init__.py").is_file()):
        return home_of(file)
    parts = [*file.relative_to(folder).parts[:-1], file.stem]
    if not prefix and parts[0] == "src" and len(parts) > 1:
        root, parts = root / "src", parts[1:]
    if not all(part.isidentifier() for part in parts):
        return home_of(file)
    if parts[-1] == "__init__":
        parts.pop()
    return str(root), ".".join([prefix, *parts] if prefix else parts)
