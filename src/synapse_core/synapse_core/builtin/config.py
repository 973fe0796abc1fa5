"""Discovery of plugins that are folders or files: ``config.yaml``, or Python sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from synapse_core.discovery import PluginDiscovery


@hookimpl(trylast=True)
def synapse_discover(source: str) -> PluginDiscovery | None:
    """Read a folder with a ``config.yaml``, the file itself, or Python sources."""
    from synapse_core.discovery import config_plugin

    return config_plugin(source)
