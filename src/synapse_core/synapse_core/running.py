"""`run_plugin`: one action of a plugin, run by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse_core.session import Session


def run_plugin(
    plugin_code: str,
    action: str,
    params: Mapping[str, Any] | None = None,
    mode: str = "local",
    *,
    session: Session | None = None,
    **options: Any,
) -> Any:
    """Run one action of a plugin and return its result.

    Args:
        plugin_code: the plugin: a folder, a file, or a module's name.
        action: the action's name in it.
        params: what its params model is made from; a key that it does not know is an error.
        mode: the executor's name: ``local``, ``process``, or one that a plugin brings.
        session: where to run; the default session if None.
        **options: as for `Session.submit_async`.

    Raises:
        DiscoveryError: the plugin, or the action's code, cannot be loaded.
        ActionNotFoundError: it has no such action.
        ExecutionError: the action failed, or its params do not fit; its own exception is the cause.
        NotFoundError: there is no such executor.
    """
    from synapse_core.pipeline import PipelineGraph
    from synapse_core.session import default_session

    here = session or default_session()
    plugin = here.pm.discover(plugin_code)
    spec = plugin.spec(action)
    options.setdefault("env", plugin.environment())
    graph = PipelineGraph([spec], name=spec.name)
    return here.execute(graph, params, executor=mode, extra=options.pop("extra", "forbid"), **options)
