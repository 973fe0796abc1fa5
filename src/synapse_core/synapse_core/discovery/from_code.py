"""Plugins from code: from modules that are imported, or from their sources alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from synapse_core.actiondef import ActionSpec
from synapse_core.actiondef.explain import import_failed, what
from synapse_core.actiondef.spec import summary
from synapse_core.actiondef.target import import_module, public
from synapse_core.discovery.loading import load_action
from synapse_core.discovery.plugin import PluginDiscovery
from synapse_core.discovery.problem import Problem
from synapse_core.discovery.scan import import_submodules, scan_module
from synapse_core.discovery.source import SourceAction, SourceScan, scan_source
from synapse_core.errors import DiscoveryError

P = TypeVar("P", bound=PluginDiscovery)
Loader = Callable[[ActionSpec], object]

OF_CODE = ("description", "version", "category")
"""What an action's code says of it where nothing else does."""


def from_source(cls: type[P], path: Path) -> P:
    """See `PluginDiscovery.from_source`."""
    plugin = _empty(cls, path.expanduser().absolute())
    scan = scan_source(path)
    add_scan(plugin, scan)
    _note_if_empty(plugin, "there are no actions in the sources")
    return plugin


def _empty(cls: type[P], path: Path) -> P:
    folder = path if path.is_dir() else path.parent
    name = path.name if path.is_dir() else path.stem
    return cls(name=name, code=name, root=str(folder), source=str(path))


def add_scan(plugin: PluginDiscovery, scan: SourceScan) -> list[ActionSpec]:
    """Take in the actions of a scan, to be imported when they are asked for; those that were not there yet."""
    plugin.note(*scan.problems)
    return [spec for action in scan.actions.values() if plugin.add(spec := _spec_of_source(plugin, action))]


def _spec_of_source(plugin: PluginDiscovery, action: SourceAction) -> ActionSpec:
    return ActionSpec(
        name=action.name,
        entrypoint=action.entrypoint,
        root=action.root,
        description=action.description,
        category=action.category,
        version=action.version,
        plugin=plugin.code,
        loader=loader(plugin, OF_CODE),
    )


def from_file(cls: type[P], path: Path) -> P:
    """A plugin from one source file, imported; where that fails its actions are known by their source, as broken."""
    plugin = _empty(cls, path)
    try:
        module = import_module(str(path))
    except (Exception, SystemExit) as error:  # noqa: BLE001  somebody's module
        _add_broken(plugin, str(path), path, error)
    else:
        _describe(plugin, module)
        _add_module(plugin, module)
        _note_if_empty(plugin, f"{path} defines no actions")
    return plugin


def of_module(cls: type[P], module: ModuleType) -> P:
    """A plugin from a module that is imported, or from a package, whose submodules are imported for it."""
    name = public(module.__name__)
    file = vars(module).get("__file__")
    plugin = cls(name=name, code=name, source=name, root=str(Path(file).resolve().parent) if file else None)
    _describe(plugin, module)
    _add_module(plugin, module)
    for found in import_submodules(module):
        if isinstance(found, ModuleType):
            _add_module(plugin, found)
        else:
            _add_broken(plugin, found[0], _source_of(found[0]), found[1])
    _note_if_empty(plugin, f"the module {name!r} defines no actions")
    return plugin


def _note_if_empty(plugin: PluginDiscovery, message: str) -> None:
    if not plugin.list_actions():
        plugin.note(Problem(plugin.source, message, "subclass BaseAction, or put @action above a function"))


def _describe(plugin: PluginDiscovery, module: ModuleType) -> None:
    version = vars(module).get("__version__", "")
    plugin.version = version if isinstance(version, str) else ""
    plugin.description = summary(module)


def _add_module(plugin: PluginDiscovery, module: ModuleType) -> None:
    notes: list[Problem] = []
    for spec in scan_module(module, notes).values():
        plugin.add(spec)
    plugin.note(*notes)


def _source_of(name: str) -> Path | None:
    """The file of a module, the folder of a package; None where it has no source."""
    spec = sys.modules[name].__spec__ if name in sys.modules else find_spec(name)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations is not None else Path(spec.origin)


def _add_broken(plugin: PluginDiscovery, name: str, source: Path | None, error: BaseException) -> None:
    """Take in what the source of a module says it has, as broken: the module cannot be imported."""
    failed = import_failed(public(name), public(name), None, error)
    added = add_scan(plugin, scan_source(source)) if source is not None else []
    for spec in added:
        plugin.note_broken(spec, failed)
    if not added:
        plugin.note(Problem(public(name), f"cannot be imported: {what(error)}", failed.hint or ""))


def loader(plugin: PluginDiscovery, silent: Iterable[str]) -> Loader:
    """Loads a spec of the plugin, and has the plugin remember whether that worked."""

    def load(spec: ActionSpec) -> object:
        try:
            target = load_action(spec, silent)
        except DiscoveryError as error:
            plugin.note_broken(spec, error)
            raise
        plugin.note_loaded(spec)
        return target

    return load
