"""What a source stands for that somebody typed: a path, a module, or a target in one of them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from synapse_core.actiondef import split_entrypoint
from synapse_core.actiondef.roots import find_top, root_at
from synapse_core.actiondef.target import is_file
from synapse_core.discovery.config import CONFIG_NAMES, find_config
from synapse_core.discovery.loading import load_target
from synapse_core.discovery.plugin import PluginDiscovery
from synapse_core.errors import DiscoveryError, nearest


def discover(source: str | Path | ModuleType) -> PluginDiscovery:
    """The plugin that a source stands for: a path first, then a module.

    Raises:
        DiscoveryError: it stands for none, and what was tried is told; or the one it stands for is broken.
    """
    if isinstance(source, ModuleType):
        return PluginDiscovery.from_module(source)
    found = config_plugin(str(source)) or module_plugin(str(source))
    if found is None:
        raise unknown_source(str(source))
    return found


def config_plugin(source: str) -> PluginDiscovery | None:
    """The plugin of a folder with a ``config.yaml``, or of such a file; None where the source is neither.

    Raises:
        DiscoveryError: it is one, and broken.
    """
    path = Path(source).expanduser()
    is_config = path.suffix in {".yaml", ".yml"} and path.is_file()
    if is_config or (source and path.is_dir() and find_config(path) is not None):
        return PluginDiscovery.from_path(path)
    return None


def module_plugin(source: str) -> PluginDiscovery | None:
    """The plugin of a ``.py`` file, a folder of sources, or a module; None where the source is neither.

    A folder in which no action is found gives way to a module of the same name. Modules are looked for where Python
    looks, and in the current folder.

    Raises:
        DiscoveryError: it is one, and broken.
    """
    path = Path(source).expanduser()
    if path.suffix == ".py" and path.is_file():
        return PluginDiscovery.from_path(path)
    folder = PluginDiscovery.from_path(path) if source and path.is_dir() else None
    if folder is not None and (folder.list_actions() or not _is_module(source)):
        return folder
    return PluginDiscovery.from_module(source) if _is_module(source) else None


def find_pipeline(source: str) -> Any:
    """What ``file.py:pipeline``, ``pkg.mod:pipeline`` or ``folder:pipeline`` names.

    A folder's pipelines are those of its ``config.yaml``.

    Raises:
        DiscoveryError: it cannot be imported.
        NotFoundError: the folder's config names no such pipeline.
    """
    place, _, name = source.rpartition(":")
    plugin = config_plugin(place) if place else None
    if plugin is not None:
        return plugin.get_pipeline(name)
    module, _ = split_entrypoint(source)
    if not is_file(module):
        _is_module(module)
    return load_target(source)


def _is_module(source: str) -> bool:
    """Whether there is a module of that name; one in the current folder can be imported from then on."""
    top = source.partition(".")[0]
    if not all(part.isidentifier() for part in source.split(".")):
        return False
    if find_top(top) is None and root_at(Path.cwd()).has(top):
        root_at(Path.cwd()).is_private(top)
    return find_top(top) is not None and _is_below(source)


def _is_below(source: str) -> bool:
    """Whether a dotted name is a module, as far as its files tell: nothing is imported for it."""
    top, _, rest = source.partition(".")
    spec = find_top(top)
    if not rest or spec is None:
        return spec is not None
    places = [Path(folder, *rest.split(".")) for folder in spec.submodule_search_locations or ()]
    return any(place.is_dir() or any(place.parent.glob(f"{place.name}.*")) for place in places)


def unknown_source(source: str) -> DiscoveryError:
    """The error that a source stands for no plugin: what was looked for, and the nearest names."""
    path = Path(source).expanduser().absolute()
    tried = [f"no file or folder {path}" if not path.exists() else f"{path} is no plugin"]
    if path.suffix not in {".py", ".yaml", ".yml"} and all(part.isidentifier() for part in source.split(".")):
        tried.append(f"no module {source!r}, neither installed nor in {Path.cwd()}")
    close = _nearest_path(path) or _nearest_module(source)
    hint = f"did you mean {close!r}?" if close else f"give a folder with a {CONFIG_NAMES[0]}, a .py file, or a module"
    return DiscoveryError(f"no plugin {source!r}: {'; '.join(tried)}", hint=hint)


def _nearest_path(path: Path) -> str | None:
    if not path.parent.is_dir():
        return None
    return nearest(path.name, [each.name for each in path.parent.iterdir() if each.is_dir() or each.suffix == ".py"])


def _nearest_module(source: str) -> str | None:
    import pkgutil

    top, _, rest = source.partition(".")
    spec = find_top(top) if top.isidentifier() else None
    if spec is None or not rest:
        return nearest(top, {info.name for info in pkgutil.iter_modules()} - sys.stdlib_module_names)
    close = nearest(rest, [info.name for info in pkgutil.iter_modules(spec.submodule_search_locations)])
    return f"{top}.{close}" if close else None
