"""Discovery of plugins that are modules: decorated functions and `BaseAction` classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from synapse_core.discovery import PluginDiscovery


@hookimpl(trylast=True)
def synapse_discover(source: str) -> PluginDiscovery | None:
    """Read a module that can be imported from here."""
    from synapse_core.discovery import module_plugin

    return module_plugin(source)
