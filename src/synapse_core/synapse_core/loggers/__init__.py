"""Loggers: how an action says what it does. `BaseLogger` has the ways to say it; a subclass sends it somewhere.

Where the payloads of `BaseLogger.emit` go, by kind:

- ``action.progress``: ``{category, current, total}``
- ``action.metrics``: ``{category, metrics}``
- ``action.log``: ``{level, message}`` and, where there is any, ``data``
- ``action.message``: ``{level, message}``

They are JSON data whatever the action gave: see `synapse_core.loggers.safe`.
"""

from __future__ import annotations

from synapse_core.loggers.backend import BackendLogger, LoggerBackend
from synapse_core.loggers.base import BaseLogger, NoOpLogger
from synapse_core.loggers.console import ConsoleLogger
from synapse_core.loggers.progress import ProgressData

__all__ = ["BackendLogger", "BaseLogger", "ConsoleLogger", "LoggerBackend", "NoOpLogger", "ProgressData"]
