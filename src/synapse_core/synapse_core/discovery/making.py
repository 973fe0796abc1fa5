"""How a `PluginDiscovery` is made: what a path or a name stands for decides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from synapse_core.actiondef.explain import import_failed
from synapse_core.actiondef.roots import find_top
from synapse_core.actiondef.target import import_module
from synapse_core.discovery.config import find_config
from synapse_core.discovery.from_code import from_file, from_source, of_module
from synapse_core.discovery.from_config import from_config
from synapse_core.discovery.plugin import PluginDiscovery
from synapse_core.errors import DiscoveryError, nearest

P = TypeVar("P", bound=PluginDiscovery)


def from_path(cls: type[P], path: Path) -> P:
    """See `PluginDiscovery.from_path`."""
    path = path.expanduser().absolute()
    if path.is_dir():
        config = find_config(path)
        return from_source(cls, path) if config is None else from_config(cls, config)
    if not path.exists():
        raise DiscoveryError(f"there is no file or folder {path}", hint=_near(path))
    if path.suffix in {".yaml", ".yml"}:
        return from_config(cls, path)
    if path.suffix == ".py":
        return from_file(cls, path)
    raise DiscoveryError(f"{path} is no plugin", hint="give a folder, a config.yaml or a .py file")


def _near(path: Path) -> str:
    close = nearest(path.name, [each.name for each in path.parent.iterdir()]) if path.parent.is_dir() else None
    return f"did you mean {str(path.with_name(close))!r}?" if close else "check the path"


def from_module(cls: type[P], module: ModuleType | str) -> P:
    """See `PluginDiscovery.from_module`."""
    config = _config_in(_folders_of(module)) if isinstance(module, str) else None
    if config is not None:
        return from_config(cls, config)
    found = _imported(module) if isinstance(module, str) else module
    config = _config_in(vars(found).get("__path__", ()))
    return from_config(cls, config) if config is not None else of_module(cls, found)


def _folders_of(name: str) -> Iterable[str]:
    """The folders of a package that is not imported for it."""
    spec = None if "." in name else find_top(name)
    return (spec.submodule_search_locations or ()) if spec is not None else ()


def _config_in(folders: Iterable[str]) -> Path | None:
    return next((config for folder in folders if (config := find_config(Path(folder))) is not None), None)


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        raise import_failed(name, name, None, error) from error
