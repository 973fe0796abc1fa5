"""A plugin's settings: `PluginEnvironment`."""

from __future__ import annotations

from synapse_core.env.environment import MISSING, MissingEnvironmentValueError, PluginEnvironment

__all__ = ["MISSING", "MissingEnvironmentValueError", "PluginEnvironment"]
