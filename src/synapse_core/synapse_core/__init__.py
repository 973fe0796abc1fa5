"""Synapse: typed actions, in plugins, chained in pipelines, run on a laptop or a cluster by the same call.

The names below are loaded when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_core.actiondef import (
        ActionSpec as ActionSpec,
    )
    from synapse_core.actiondef import (
        BaseAction as BaseAction,
    )
    from synapse_core.actiondef import (
        NoResult as NoResult,
    )
    from synapse_core.actiondef import (
        PluginCategory as PluginCategory,
    )
    from synapse_core.actiondef import (
        action as action,
    )
    from synapse_core.actiondef import (
        spec_of as spec_of,
    )
    from synapse_core.builtin.local import (
        LocalExecutor as LocalExecutor,
    )
    from synapse_core.builtin.process import (
        ProcessExecutor as ProcessExecutor,
    )
    from synapse_core.context import (
        RuntimeContext as RuntimeContext,
    )
    from synapse_core.discovery import (
        PluginDiscovery as PluginDiscovery,
    )
    from synapse_core.env import (
        PluginEnvironment as PluginEnvironment,
    )
    from synapse_core.errors import (
        ActionCancelled as ActionCancelled,
    )
    from synapse_core.errors import (
        ActionNotFoundError as ActionNotFoundError,
    )
    from synapse_core.errors import (
        CheckpointNotFoundError as CheckpointNotFoundError,
    )
    from synapse_core.errors import (
        DiscoveryError as DiscoveryError,
    )
    from synapse_core.errors import (
        EnvironmentValueError as EnvironmentValueError,
    )
    from synapse_core.errors import (
        ExecutionError as ExecutionError,
    )
    from synapse_core.errors import (
        LeaseLostError as LeaseLostError,
    )
    from synapse_core.errors import (
        NotFoundError as NotFoundError,
    )
    from synapse_core.errors import (
        ParamsConflictError as ParamsConflictError,
    )
    from synapse_core.errors import (
        PipelineChangedError as PipelineChangedError,
    )
    from synapse_core.errors import (
        PipelineError as PipelineError,
    )
    from synapse_core.errors import (
        PluginError as PluginError,
    )
    from synapse_core.errors import (
        RunCancelledError as RunCancelledError,
    )
    from synapse_core.errors import (
        RunNotFoundError as RunNotFoundError,
    )
    from synapse_core.errors import (
        SchemaIncompatibleError as SchemaIncompatibleError,
    )
    from synapse_core.errors import (
        StoreError as StoreError,
    )
    from synapse_core.errors import (
        StoreUnavailableError as StoreUnavailableError,
    )
    from synapse_core.errors import (
        SynapseError as SynapseError,
    )
    from synapse_core.errors import (
        UnserializableError as UnserializableError,
    )
    from synapse_core.errors import (
        ValidationError as ValidationError,
    )
    from synapse_core.hookspecs import (
        hookimpl as hookimpl,
    )
    from synapse_core.hookspecs import (
        hookspec as hookspec,
    )
    from synapse_core.pipeline import (
        Node as Node,
    )
    from synapse_core.pipeline import (
        Resources as Resources,
    )
    from synapse_core.pipeline import (
        Retry as Retry,
    )
    from synapse_core.pipelines import (
        ActionPipeline as ActionPipeline,
    )
    from synapse_core.running import (
        run_plugin as run_plugin,
    )
    from synapse_core.session import (
        Session as Session,
    )

__version__ = "0.1.0"

_HOMES = {
    "actiondef": ("ActionSpec", "BaseAction", "NoResult", "PluginCategory", "action", "spec_of"),
    "builtin.local": ("LocalExecutor",),
    "builtin.process": ("ProcessExecutor",),
    "context": ("RuntimeContext",),
    "discovery": ("PluginDiscovery",),
    "env": ("PluginEnvironment",),
    "hookspecs": ("hookimpl", "hookspec"),
    "pipeline": ("Node", "Resources", "Retry"),
    "pipelines": ("ActionPipeline",),
    "running": ("run_plugin",),
    "session": ("Session",),
    "errors": (
        "ActionCancelled",
        "ActionNotFoundError",
        "CheckpointNotFoundError",
        "DiscoveryError",
        "EnvironmentValueError",
        "ExecutionError",
        "LeaseLostError",
        "NotFoundError",
        "ParamsConflictError",
        "PipelineChangedError",
        "PipelineError",
        "PluginError",
        "RunCancelledError",
        "RunNotFoundError",
        "SchemaIncompatibleError",
        "StoreError",
        "StoreUnavailableError",
        "SynapseError",
        "UnserializableError",
        "ValidationError",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604  the names stand once, in _HOMES


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
