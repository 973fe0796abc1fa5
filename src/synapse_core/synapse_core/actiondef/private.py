"""Modules under private names: how a plugin's package is imported whose own name is taken.

``plugin.train`` of a folder becomes ``_synapse_plugins.FOLDER_HASH.plugin.train``, an ordinary module in
``sys.modules``, so that pickle, typing, attrs and relative imports work as ever. Its absolute imports of the folder's
own names, at the top or inside functions, go through an ``__import__`` of its own and find the private modules. What
goes around the import statement does not: ``importlib.import_module("plugin.other")`` finds whatever has that name.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from synapse_core.actiondef.target import PRIVATE, homes, public

_by_prefix: dict[str, PrivateNames] = {}
_lock = threading.Lock()


class PrivateNames:
    """The private names of one folder's modules.

    Args:
        folder: where the modules are.
        is_private: whether the folder's module of that top name is to be had here (else by its own name).
    """

    def __init__(self, folder: str, is_private: Callable[[str], bool]) -> None:
        self.folder = folder
        self.prefix = f"{PRIVATE}.{_tag(folder)}"
        self.builtins = {**vars(builtins), "__import__": self._import}
        self._is_private = is_private

    def import_module(self, module: str) -> ModuleType:
        """Import ``pkg.mod`` of the folder under its private name."""
        self._stand()
        return importlib.import_module(f"{self.prefix}.{module}")

    def import_file(self, path: Path) -> ModuleType:
        """Import a file of the folder whose own name cannot be a module's."""
        module = re.sub(r"\W", "_", path.name)
        homes[f"{self.prefix}.{module}"] = str(path.resolve())
        return self.import_module(module)

    def _stand(self) -> None:
        """Put the packages in place that the private names begin with."""
        if self.prefix in _by_prefix:
            return
        with _lock:
            if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
                sys.meta_path.insert(0, _Finder())
            sys.modules.setdefault(PRIVATE, _package(PRIVATE, []))
            sys.modules[self.prefix] = _package(self.prefix, [self.folder])
            homes[self.prefix] = self.folder
            _by_prefix[self.prefix] = self

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002  the arguments of builtins.__import__
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """``__import__`` for the private modules: the folder's own names are found here."""
        plain = builtins.__import__
        if level or not self._means_own(name, fromlist or ()):
            return plain(name, globals, locals, fromlist or (), level)
        try:
            module = plain(f"{self.prefix}.{name}", globals, locals, fromlist or (), 0)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith(self.prefix):
                raise
            raise self._publicly(error) from error.__cause__
        return module if fromlist else sys.modules[f"{self.prefix}.{name.partition('.')[0]}"]

    def _means_own(self, name: str, fromlist: Sequence[str]) -> bool:
        top, _, rest = name.partition(".")
        if not self._is_private(top):
            return False
        return top not in sys.stdlib_module_names or self._not_of_stdlib(top, rest, fromlist)

    def _not_of_stdlib(self, top: str, rest: str, fromlist: Sequence[str]) -> bool:
        """Whether a package called like one of the library means itself: it has what is wanted, or only it can."""
        if rest:
            return self._has_file(f"{top}.{rest}")
        if not fromlist or "*" in fromlist:
            return False
        if any(self._has_file(f"{top}.{item}") for item in fromlist):
            return True
        try:
            library = importlib.import_module(top)
        except ImportError:  # one of another platform's modules
            return True
        return not all(hasattr(library, item) for item in fromlist)

    def _has_file(self, module: str) -> bool:
        place = Path(self.folder, *module.split("."))
        return place.is_dir() or place.with_name(f"{place.name}.py").is_file()

    def _publicly(self, error: ModuleNotFoundError) -> ModuleNotFoundError:
        """The error with the name that the plugin's author knows."""
        told = ModuleNotFoundError(public(str(error)), name=public(str(error.name)), path=error.path)
        return told.with_traceback(error.__traceback__)


class _Finder:
    """Finds private modules, and nothing else."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(f"{PRIVATE}."):
            return None
        if name in homes:
            return importlib.util.spec_from_file_location(name, homes[name], loader=_Loader(name, homes[name]))
        spec = PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Executes a private module with an ``__import__`` of its own."""

    def exec_module(self, module: ModuleType) -> None:
        prefix = ".".join(module.__name__.split(".")[:2])
        module.__dict__["__builtins__"] = _by_prefix[prefix].builtins
        super().exec_module(module)


def _package(name: str, path: list[str]) -> ModuleType:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = path
    return importlib.util.module_from_spec(spec)


def _tag(folder: str) -> str:
    """A name for a folder, the same in every process."""
    digest = blake2b(folder.encode(errors="surrogateescape"), digest_size=4).hexdigest()
    return f"{re.sub('[^0-9A-Za-z]+', '_', Path(folder).name)}_{digest}"
