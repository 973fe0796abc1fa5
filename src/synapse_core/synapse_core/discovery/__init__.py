"""Plugins of actions, found: from a ``config.yaml``, from modules, or from source that nobody imports.

`PluginDiscovery` is a plugin; `discover` finds the one that a path or a module's name stands for. `load_target` is how
everything here, and every worker, gets from an entry point to the object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synapse_core.discovery.loading import load_target

if TYPE_CHECKING:
    from synapse_core.discovery.config import ConfigError, PluginConfig, read_config
    from synapse_core.discovery.find import config_plugin, discover, find_pipeline, module_plugin, unknown_source
    from synapse_core.discovery.plugin import PluginDiscovery
    from synapse_core.discovery.problem import Problem
    from synapse_core.discovery.scan import scan_module
    from synapse_core.discovery.source import SourceAction, SourceScan, scan_source
    from synapse_core.discovery.sync import ConfigChanges

__all__ = [
    "ConfigChanges",
    "ConfigError",
    "PluginConfig",
    "PluginDiscovery",
    "Problem",
    "SourceAction",
    "SourceScan",
    "config_plugin",
    "discover",
    "find_pipeline",
    "load_target",
    "module_plugin",
    "read_config",
    "scan_module",
    "scan_source",
    "unknown_source",
]

# A worker wants `load_target` and nothing else from here; the rest is imported when it is asked for.
_MODULES = {
    "config": ("ConfigError", "PluginConfig", "read_config"),
    "find": ("config_plugin", "discover", "find_pipeline", "module_plugin", "unknown_source"),
    "plugin": ("PluginDiscovery",),
    "problem": ("Problem",),
    "scan": ("scan_module",),
    "source": ("SourceAction", "SourceScan", "scan_source"),
    "sync": ("ConfigChanges",),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
