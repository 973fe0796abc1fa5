"""Entry points: the names that objects are found by, here and on a worker."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from synapse_core.errors import DiscoveryError

PRIVATE = "_synapse_plugins"
"""The package under which a plugin's modules stand whose own names are taken; see `synapse_core.actiondef.roots`."""

homes: dict[str, str] = {}
"""Where plugins' modules were imported from: the folder, by top name or private prefix; a file that no import
statement finds, by its private name."""


@lru_cache(maxsize=4096)
def split_entrypoint(entrypoint: str) -> tuple[str, str]:
    """``pkg.mod:Name`` and ``pkg.mod.Name`` as module (or ``/path/file.py``) and name.

    Raises:
        DiscoveryError: it is neither.
    """
    module, colon, name = entrypoint.rpartition(":")
    if not colon and not entrypoint.endswith(".py"):
        module, _, name = entrypoint.rpartition(".")
    if not module or not re.fullmatch(r"[\w.<>]+", name):
        form = "path/file.py:Name" if entrypoint.endswith(".py") else "package.module:Name"
        raise DiscoveryError(f"{entrypoint!r} is no entry point", hint=f"write it as {form}")
    return module, name


def import_target(entrypoint: str, root: str | None = None) -> Any:
    """The object that an entry point names.

    Args:
        entrypoint: ``pkg.mod:Name``, ``pkg.mod.Name`` or ``/path/file.py:Name``.
        root: the folder that the plugin's own packages stand in; they are found there whatever else has their names.

    Raises:
        DiscoveryError: the module cannot be imported, or has no such name.
    """
    module_name, name = split_entrypoint(entrypoint)
    try:
        module = import_module(module_name, root)
    except (Exception, SystemExit) as error:
        from synapse_core.actiondef.explain import import_failed

        raise import_failed(entrypoint, module_name, root, error) from error
    return _attribute(module, name, entrypoint)


def import_module(module: str, root: str | None = None) -> ModuleType:
    """The module of that name, or in that file; what it raises while it is imported passes through."""
    from synapse_core.actiondef import roots

    if is_file(module):
        return roots.import_file(Path(module))
    return roots.import_from(module, root)


def is_file(module: str) -> bool:
    """Whether what stands before the colon of an entry point is a file, not a module's name."""
    return module.endswith(".py") or "/" in module or "\\" in module


def _attribute(module: Any, name: str, entrypoint: str) -> Any:
    found = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except Exception as error:
            from synapse_core.actiondef.explain import name_missing

            raise name_missing(entrypoint, found, part, error) from error
    return found


def entrypoint_of(target: Any) -> tuple[str, str | None]:
    """The entry point by which a class or function is found in any process, and the root that goes with it."""
    module, name = target.__module__, target.__qualname__
    top, _, rest = module.partition(".")
    if top == PRIVATE:
        if module in homes:
            return f"{homes[module]}:{name}", None
        tag, _, module = rest.partition(".")
        return f"{module}:{name}", homes.get(f"{PRIVATE}.{tag}")
    if top == "__main__":
        module = _main_module()
    return f"{module}:{name}", homes.get(top)


def _main_module() -> str:
    """What is being run, under the name that another process finds it by; ``__main__`` where it has none."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return str(Path(file).resolve()) if file and str(file).endswith(".py") else "__main__"


def public(text: str) -> str:
    """The text with the modules' own names in place of private ones."""
    return re.sub(rf"{PRIVATE}\.\w+\.", "", text)


def portable(entrypoint: str) -> str:
    """The entry point as another process can import it: a script's ``__main__`` becomes its file.

    Raises:
        DiscoveryError: the object was defined inside a function, or typed into an interpreter.
    """
    module, name = split_entrypoint(entrypoint)
    if "<locals>" in name:
        raise DiscoveryError(
            f"{name!r} is defined inside a function, where no other process can find it",
            hint="move it to the top level of its module, or use the executor 'local'",
        )
    if module == "__main__":
        module = _main_module()
    if module == "__main__":
        raise DiscoveryError(
            f"{name!r} is defined in an interactive session, where no other process can find it",
            hint="put it into a file, or use the executor 'local'",
        )
    return f"{module}:{name}"
