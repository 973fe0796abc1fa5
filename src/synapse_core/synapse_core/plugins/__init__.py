"""The plugin manager: finds plugins, keeps a broken one from doing harm, and says whose fault an error is.

A manager belongs to a session; there is no global one. Everything that Synapse can do beyond its core comes through
it, the built-in executors, stores and sinks too.
"""

from __future__ import annotations

from synapse_core.plugins.asking import Answer
from synapse_core.plugins.info import PluginInfo, PluginProblem, PluginRow
from synapse_core.plugins.loading import import_plugin
from synapse_core.plugins.manager import PluginManager
from synapse_core.plugins.offers import EXTRAS
from synapse_core.plugins.sources import BUILTINS

__all__ = [
    "BUILTINS",
    "EXTRAS",
    "Answer",
    "PluginInfo",
    "PluginManager",
    "PluginProblem",
    "PluginRow",
    "import_plugin",
]
