"""The hooks that act where an action runs, in a worker that has no plugin manager: `WorkerHooks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pluggy

from synapse_core.actiondef import ActionSpec
from synapse_core.hookspecs import hookimpl
from synapse_core.schema import Schema, default_schema
from synapse_core.worker.prepare import Extra, Prepared, prepare

if TYPE_CHECKING:
    from synapse_core.context import RuntimeContext
    from synapse_core.plugins import PluginInfo, PluginProblem
    from synapse_core.plugins.asking import Poll
    from synapse_core.plugins.hooks import Hooks
    from synapse_core.protocols import Call
    from synapse_core.schema import ModelAdapter

Autolog = Callable[[str, "RuntimeContext"], bool]


class WorkerHooks:
    """What plugins do in a worker: wrap the running of an action, autolog, validate their kinds of models.

    Args:
        plugins: modules or objects with implementations of the hooks.
        schema: the session's schema, where the worker shares its process; made from the plugins otherwise.
    """

    def __init__(self, plugins: Iterable[object] = (), schema: Schema | None = None) -> None:
        plugins = tuple(plugins)
        self._relay = _relay(plugins) if plugins else None
        self.schema = schema or (self._schema() if plugins else default_schema())
        self._prepared: dict[tuple[ActionSpec, Extra], Prepared] = {}
        self.wraps = len(self._implementations(_RUN)) > 1
        self.autologs: tuple[Autolog, ...] = (self._autolog,) if self._implementations("synapse_autolog") else ()

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
        """Run ``body`` as the innermost implementation of ``synapse_run_action``, where plugins wrap it.

        What a plugin raises has a note that names it.
        """
        assert self._relay is not None
        impls = self._implementations(_RUN)
        token = _BODY.set(body)
        try:
            return self._relay.call(_RUN, impls, {"call": call}, firstresult=True)
        except Exception as error:
            self._note(error, impls)
            raise
        finally:
            _BODY.reset(token)

    def _note(self, error: Exception, impls: Sequence[pluggy.HookImpl]) -> None:
        from synapse_core.plugins.hooks import guilty, note
        from synapse_core.plugins.loading import described

        culprit = guilty(error, impls)
        if culprit is not None and not isinstance(culprit.plugin, _Innermost):
            note(error, _RUN, described(culprit.plugin))

    def _autolog(self, framework: str, ctx: RuntimeContext) -> bool:
        """Whether a plugin knows how; one that fails is told of in the action's log, and the next one asked."""

        def tell(problem: PluginProblem) -> None:
            ctx.logger.warning(str(problem))

        return bool(self._poll("synapse_autolog", tell, framework=framework, ctx=ctx).first())

    def _schema(self) -> Schema:
        """As the session makes its own: a plugin that fails is told of, and left out."""
        from synapse_core.plugins import fits
        from synapse_core.plugins.info import PluginProblem, log_problem, one_line

        adapters: list[ModelAdapter] = []
        for plugin, offered in self._poll(_ADAPTERS, log_problem).all():
            try:
                adapters += map(fits.adapter, offered)
            except (Exception, SystemExit) as error:  # noqa: BLE001  looking at it runs the plugin's code
                log_problem(PluginProblem(plugin, one_line(error), _ADAPTERS))
        return Schema(adapters, [lambda new: self._poll("synapse_converter", log_problem, converter=new).all()])

    def _poll(self, hook: str, report: Callable[[PluginProblem], object], **kwargs: Any) -> Poll:
        from synapse_core.plugins.asking import Poll

        assert self._relay is not None
        return Poll(self._relay, hook, kwargs, report)

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        return self._relay.implementations(hook) if self._relay else []


_RUN = "synapse_run_action"
_ADAPTERS = "synapse_model_adapters"
_BODY: ContextVar[Callable[[], Any]] = ContextVar("body")


class _Innermost:
    """The plugin that is called last, and runs the action itself."""

    @hookimpl(trylast=True)
    def synapse_run_action(self, call: Call) -> Any:
        return _BODY.get()()


def _relay(plugins: Sequence[object]) -> Hooks:
    from synapse_core.plugins.hooks import Hooks
    from synapse_core.plugins.loading import described

    infos: dict[str, PluginInfo] = {}
    relay = Hooks(infos.__getitem__, lambda _: None, lambda name, plugin: infos.update({name: described(plugin)}))
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
