"""A plugin from its ``config.yaml``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from synapse_core.actiondef import ActionSpec
from synapse_core.actiondef.roots import find_top
from synapse_core.actiondef.target import is_file
from synapse_core.discovery.config import Entry, PluginConfig, read_config
from synapse_core.discovery.from_code import OF_CODE, add_scan, loader
from synapse_core.discovery.loading import placed
from synapse_core.discovery.plugin import PluginDiscovery
from synapse_core.discovery.problem import Problem
from synapse_core.discovery.source import scan_source
from synapse_core.discovery.typenames import TypeNames
from synapse_core.errors import nearest

P = TypeVar("P", bound=PluginDiscovery)


def from_config(cls: type[P], path: Path) -> P:
    """A plugin from its ``config.yaml``; one that names no actions has those of the sources beside it."""
    config = read_config(path)
    plugin = cls(
        name=config.name,
        code=config.code,
        version=config.version,
        category=config.category,
        description=config.description,
        package_manager=config.package_manager,
        package_manager_options=config.package_manager_options,
        wheels_dir=config.wheels_dir,
        env=config.env,
        runtime_env=config.runtime_env,
        root=str(path.parent),
        source=str(path),
        config=config.raw,
        pipelines=config.pipelines,
        notes=list(config.problems),
    )
    for entry in config.actions.values():
        _add_entry(plugin, config, entry)
    if not config.actions:
        _add_from_sources(plugin, config)
    return plugin


def _add_entry(plugin: PluginDiscovery, config: PluginConfig, entry: Entry) -> None:
    where = f"{config.path}:{entry.line}"
    entrypoint, root = placed(entry.entrypoint, config.path.parent)
    types = {"input_type": entry.input_type, "output_type": entry.output_type}
    names = {key: name for key, name in types.items() if name is not None}
    spec = ActionSpec(
        name=entry.key,
        entrypoint=entrypoint,
        root=root,
        description=entry.description or "",
        category=entry.category or plugin.category,
        method=entry.method or "task",
        version=entry.version or "",
        plugin=plugin.code,
        loader=loader(plugin, _silent(config, entry)),
        overrides=TypeNames(names, lambda name: plugin.find_type(name, spec), where) if names else {},
    )
    plugin.add(spec)
    plugin.note(*_missing_module(where, entrypoint, root, config.path.parent))


def _silent(config: PluginConfig, entry: Entry) -> list[str]:
    """What the config leaves to the action's code to say."""
    silent = [key for key in OF_CODE if getattr(entry, key) is None]
    return [key for key in silent if key != "category" or config.raw.get("category") is None]


def _missing_module(where: str, entrypoint: str, root: str | None, folder: Path) -> Iterable[Problem]:
    """A module that is not where the config says, as far as that is seen without importing."""
    module = entrypoint.rpartition(":")[0]
    if root is not None:
        place = Path(root, *module.split("."))
        if not place.is_dir() and not any(place.parent.glob(f"{place.name}.*")):
            close = nearest(place.name, [each.stem for each in place.parent.glob("*.py")])
            hint = f"did you mean {close!r}?" if close else "check the entrypoint"
            yield Problem(where, f"there is no module {module!r} in {root}", hint)
    elif is_file(module):
        if not Path(module).is_file():
            yield Problem(where, f"there is no file {module}", "check the entrypoint")
    elif (top := module.partition(".")[0]) not in sys.modules and find_top(top) is None:
        yield Problem(where, f"there is no module {top!r}, neither in {folder} nor installed", "check the entrypoint")


def _add_from_sources(plugin: PluginDiscovery, config: PluginConfig) -> None:
    folder = config.path.parent
    scan = scan_source(folder)
    add_scan(plugin, scan)
    if config.pipelines:
        return
    told = "names no actions, and there are none in the sources"
    hint = "add actions: {NAME: {entrypoint: pkg.mod:Name}}"
    if scan.actions:
        told = f"names no actions; found in the sources: {', '.join(scan.actions)}"
        hint = f"write them down: PluginDiscovery.from_source({str(folder)!r}).sync_config_file({str(config.path)!r})"
    plugin.note(Problem(str(config.path), told, hint))
