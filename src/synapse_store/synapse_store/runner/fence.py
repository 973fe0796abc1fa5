"""Which code a runner may import: that of its folder. What a client has written into a run is not taken at its word."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from synapse_core.actiondef import split_entrypoint
from synapse_core.actiondef.target import import_target, is_file
from synapse_core.cli.target import split_words
from synapse_core.errors import DiscoveryError, SynapseError
from synapse_core.pipeline.expressions import is_entrypoint

_PATHS = re.compile(r"(?<![\w:/.-])(?:/[\w.+-]+){2,}")
_FOREIGN = frozenset({"site-packages", "dist-packages"})


class Fence:
    """The folder that a runner's code is in.

    Nothing is imported to find out where something is: that would run it.

    Args:
        folder: with the pipelines' code.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).resolve()

    def has_file(self, path: str | os.PathLike[str]) -> bool:
        """Whether the file or folder is in here; installed packages and hidden folders are not taken for it."""
        found = (self.folder / Path(path).expanduser()).resolve()
        if not found.is_relative_to(self.folder):
            return False
        return not any(part.startswith(".") or part in _FOREIGN for part in found.relative_to(self.folder).parts)

    def has_module(self, module: str, root: str | None = None) -> bool:
        """Whether the module is one of this folder's own (of ``root``, a folder in here), by its name alone."""
        if root is not None and not self.has_file(root):
            return False
        top = module.partition(".")[0]
        own = _spec(top, root or str(self.folder))
        if own is None or not all(map(self.has_file, _places(own))):
            return False
        return root is not None or self._is_imported(top, own)

    @staticmethod
    def _is_imported(top: str, own: ModuleSpec) -> bool:
        """Whether an import of that name gives the folder's own module, and no other that has it."""
        loaded = sys.modules.get(top)
        spec = getattr(loaded, "__spec__", None) if loaded is not None else _spec(top, None)
        return spec is not None and _places(spec) == _places(own)

    def has_target(self, target: str) -> bool:
        """Whether what a run was loaded from (``folder``, ``file.py:name``, ``module:name``) is in here."""
        source = split_words(target)[0]
        if Path(source).expanduser().exists():
            return self.has_file(source)
        place, colon, _ = source.rpartition(":")
        place = place if colon else source
        return self.has_file(place) and Path(place).exists() if is_file(place) else self.has_module(place)

    def check_plan(self, plan: Mapping[str, Any]) -> None:
        """See that all code that a stored plan names is in here.

        Raises:
            SynapseError: some is not.
        """
        for entrypoint, root in _entrypoints(plan):
            self._check(entrypoint, root)

    def _check(self, entrypoint: str, root: str | None) -> None:
        module, _ = split_entrypoint(entrypoint)
        inside = self.has_file(module) if is_file(module) else self.has_module(module, root)
        if not inside:
            raise outside(entrypoint)
        # Now it may be imported. A name that its module has only imported itself may be anything of anywhere.
        found = import_target(entrypoint, root)
        home = sys.modules.get(getattr(found, "__module__", ""))
        where = getattr(home, "__file__", None)
        if where is None or not self.has_file(where):
            raise outside(entrypoint)

    def clean(self, text: str) -> str:
        """The text without paths: clients are not told where things are."""
        text = text.replace(f"{self.folder}{os.sep}", "").replace(str(self.folder), ".")
        return _PATHS.sub(lambda found: Path(found[0]).name, text)


def outside(what: str) -> SynapseError:
    """The error for code that is not in the folder."""
    return DiscoveryError(
        f"the runner imports code of its own folder only, and {what} is not in there",
        hint="start the service with the --runner DIR that the code is in, or take the run up where it is",
    )


def _entrypoints(plan: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """All that a plan has imported, and the folders that it is imported from."""
    for node in plan.get("nodes") or ():
        root = node.get("root")
        yield str(node.get("entrypoint") or ""), root
        when = node.get("when")
        if isinstance(when, str) and is_entrypoint(when):
            yield when, root


def _spec(top: str, folder: str | None) -> ModuleSpec | None:
    try:
        return PathFinder.find_spec(top, None if folder is None else [folder])
    except (ImportError, ValueError):
        return None


def _places(spec: ModuleSpec) -> list[str]:
    if spec.submodule_search_locations is not None:
        return [os.path.realpath(place) for place in spec.submodule_search_locations]
    return [os.path.realpath(spec.origin)] if spec.origin else ["/"]
