"""Import strings: from a name to a plugin (on a worker too), and from a plugin to the name that imports it."""

from __future__ import annotations

import importlib
import os
import re
import sys
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

from synapse_core.errors import DiscoveryError
from synapse_core.plugins.info import PluginInfo

_OF_FILE = "synapse_plugin_"


def import_plugin(ref: str) -> Any:
    """The plugin that ``ref`` names: ``pkg.mod``, ``pkg.mod:obj`` or ``/path/file.py``.

    Raises:
        DiscoveryError: it cannot be imported here, or its module has no such name.
    """
    try:
        return load(ref)
    except (Exception, SystemExit) as error:
        raise DiscoveryError(
            f"cannot load the plugin {ref!r}: {type(error).__name__}: {error}",
            hint="check that what it names can be imported from here",
        ) from error


def load(ref: str) -> Any:
    """As `import_plugin`, with whatever the import raises."""
    if is_file(ref):
        return _import_file(Path(ref))
    module, _, attribute = ref.partition(":")
    return reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))


def is_file(ref: str) -> bool:
    """Whether ``ref`` is the path of a file rather than the name of a module."""
    return ref.endswith(".py") or os.sep in ref


def _import_file(path: Path) -> ModuleType:
    path = path.expanduser().resolve()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    name = _module_name(path)
    return sys.modules[name] if name in sys.modules else _execute(name, path)


def _module_name(path: Path) -> str:
    """A name of its own for each file, and for each state of a file that is edited while the program runs."""
    state = path.stat()
    mark = crc32(f"{path}:{state.st_mtime_ns}:{state.st_size}".encode())
    return f"{_OF_FILE}{re.sub(r'[^0-9A-Za-z]', '_', path.stem)}_{mark:08x}"


def _execute(name: str, path: Path) -> ModuleType:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def name_of(plugin: object) -> str:
    """What a plugin that was given as an object is called: its module's, class's or type's name."""
    return str(getattr(plugin, "__name__", None) or type(plugin).__name__)


def described(plugin: object) -> PluginInfo:
    """What a plugin says of itself, where no manager knows more."""
    if isinstance(plugin, ModuleType) and plugin.__name__.startswith(_OF_FILE) and plugin.__file__:
        return PluginInfo(Path(plugin.__file__).stem, ref=plugin.__file__)
    return PluginInfo(name_of(plugin), ref=ref_of(plugin))


def ref_of(plugin: object) -> str | None:
    """The import string that gives ``plugin`` again; None where there is none, as for an instance of a class.

    What a program's main module defines has none either: on a worker that is another module.
    """
    if isinstance(plugin, ModuleType):
        module, ref = plugin.__name__, plugin.__name__
    else:
        module = getattr(plugin, "__module__", "")
        ref = f"{module}:{getattr(plugin, '__qualname__', '')}"
    if module == "__main__" or module not in sys.modules:
        return None
    try:
        return ref if load(ref) is plugin else None
    except (AttributeError, ImportError):
        return None
