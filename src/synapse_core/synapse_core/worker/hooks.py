"""The hooks that act where an action runs, in a worker that has no plugin manager: `WorkerHooks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pluggy

from synapse_core import hookspecs
from synapse_core.actiondef import ActionSpec
from synapse_core.hookspecs import hookimpl
from synapse_core.schema import Schema, default_schema
from synapse_core.worker.prepare import Extra, Prepared, prepare

if TYPE_CHECKING:
    from synapse_core.context import RuntimeContext
    from synapse_core.protocols import Call

Autolog = Callable[[str, "RuntimeContext"], bool]


class WorkerHooks:
    """What plugins do in a worker: wrap the running of an action, autolog, validate their kinds of models.

    Args:
        plugins: modules or objects with implementations of the hooks.
        schema: the session's schema, where the worker shares its process; made from the plugins otherwise.
    """

    def __init__(self, plugins: Iterable[object] = (), schema: Schema | None = None) -> None:
        plugins = tuple(plugins)
        self._relay = _relay(plugins)
        self.schema = schema or (self._schema() if plugins else default_schema())
        self._prepared: dict[tuple[ActionSpec, Extra], Prepared] = {}
        hook = self._relay.hook
        self.wraps = len(hook.synapse_run_action.get_hookimpls()) > 1
        self.autologs: tuple[Autolog, ...] = (self._autolog,) if hook.synapse_autolog.get_hookimpls() else ()

    def prepared(self, spec: ActionSpec, extra: Extra) -> Prepared:
        """The action ready to be run; worked out once.

        Raises:
            DiscoveryError: it cannot be loaded.
        """
        found = self._prepared.get((spec, extra))
        if found is None:
            found = self._prepared[spec, extra] = prepare(spec, self.schema, extra)
        return found

    def run(self, call: Call, body: Callable[[], Any]) -> Any:
        """Run ``body`` as the innermost implementation of ``synapse_run_action``."""
        token = _BODY.set(body)
        try:
            return self._relay.hook.synapse_run_action(call=call)
        finally:
            _BODY.reset(token)

    def _autolog(self, framework: str, ctx: RuntimeContext) -> bool:
        return bool(self._relay.hook.synapse_autolog(framework=framework, ctx=ctx))

    def _schema(self) -> Schema:
        hook = self._relay.hook
        adapters = [adapter for offered in hook.synapse_model_adapters() for adapter in offered]
        return Schema(adapters, [lambda converter: hook.synapse_converter(converter=converter)])


_BODY: ContextVar[Callable[[], Any]] = ContextVar("body")


class _Innermost:
    """The plugin that is called last, and runs the action itself."""

    @hookimpl(trylast=True)
    def synapse_run_action(self, call: Call) -> Any:
        return _BODY.get()()


def _relay(plugins: Sequence[object]) -> Any:
    relay = pluggy.PluginManager(hookspecs.PROJECT)
    relay.add_hookspecs(hookspecs)
    for plugin in (_Innermost(), *plugins):
        relay.register(plugin)
    return relay


@lru_cache(maxsize=32)
def hooks_from(refs: tuple[str, ...]) -> WorkerHooks:
    """The hooks of the plugins that a call names by entry point (``pkg.mod``, ``pkg.mod:obj``, ``/path/file.py``).

    Raises:
        DiscoveryError: a plugin cannot be imported here.
    """
    from synapse_core.plugins import import_plugin

    return WorkerHooks([import_plugin(ref) for ref in refs])
