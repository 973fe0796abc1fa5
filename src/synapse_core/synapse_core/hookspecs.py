"""The hooks, in the order of a run: the one page to read before writing a plugin.

A plugin is any module or object with functions of these names under `hookimpl`; it is found by an entry point in
the group ``synapse``, or given to a session. An implementation may leave out arguments that it does not need.
Hooks hand out objects, and objects are called: a hook is called once a run or an action, never once an event.
It is a plain function, never ``async``, and no generator but where it wraps the others (``hookimpl(wrapper=True)``).
A plugin that breaks a rule is left out as a whole, and ``synapse plugins`` says why; one that raises is named.

A plugin in full::

    from synapse_core import hookimpl

    @hookimpl
    def synapse_sinks(run):
        return [MySink(run.run_id)]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import cattrs
    import click

    from synapse_core.actiondef import ActionSpec
    from synapse_core.context import RuntimeContext
    from synapse_core.discovery import PluginDiscovery
    from synapse_core.models import PipelineProgress
    from synapse_core.protocols import Call, ExecutorOffer, RunInfo, Sink, StoreOffer
    from synapse_core.schema import ModelAdapter
    from synapse_core.types import DataType

PROJECT = "synapse"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(historic=True)
def synapse_add_hooks(pm: pluggy.PluginManager) -> None:
    """Add hook specifications of your own, for plugins of your plugin.

    ::

        @hookimpl
        def synapse_add_hooks(pm):
            pm.add_hookspecs(my_hookspecs)
    """


@hookspec
def synapse_actions() -> Iterable[ActionSpec]:  # type: ignore[empty-body]
    """Actions that the plugin brings, for ``synapse run PLUGIN ACTION``.

    ::

        @hookimpl
        def synapse_actions():
            return [spec_of(Train), spec_of(convert)]
    """


@hookspec(firstresult=True)
def synapse_discover(source: str) -> PluginDiscovery | None:
    """Read a plugin of actions from ``source`` (a path, a module's name, yours), or None where it is not for you.

    ::

        @hookimpl
        def synapse_discover(source):
            if source.startswith("git+"):
                return PluginDiscovery.from_path(clone(source))
    """


@hookspec
def synapse_model_adapters() -> Iterable[ModelAdapter]:  # type: ignore[empty-body]
    """How a kind of params and result class is validated; attrs classes and dataclasses are built in.

    ::

        @hookimpl
        def synapse_model_adapters():
            return [PydanticAdapter()]
    """


@hookspec
def synapse_converter(converter: cattrs.Converter) -> None:
    """Register cattrs hooks for your types.

    ::

        @hookimpl
        def synapse_converter(converter):
            converter.register_structure_hook(Money, lambda text, _: Money.parse(text))
            converter.register_unstructure_hook(Money, str)
    """


@hookspec
def synapse_data_types() -> Iterable[type[DataType]]:  # type: ignore[empty-body]
    """Semantic types that actions may name as ``input_type`` and ``output_type``.

    ::

        @hookimpl
        def synapse_data_types():
            return [PointCloud]
    """


@hookspec
def synapse_executors() -> Iterable[ExecutorOffer]:  # type: ignore[empty-body]
    """Executors, by name; the factory imports the heavy library.

    ::

        @hookimpl
        def synapse_executors():
            return [ExecutorOffer("slurm", make_slurm_executor, help="runs each attempt as a Slurm job")]
    """


@hookspec
def synapse_stores() -> Iterable[StoreOffer]:  # type: ignore[empty-body]
    """Stores, by URL scheme.

    ::

        @hookimpl
        def synapse_stores():
            return [StoreOffer("postgresql", PostgresStore)]
    """


@hookspec
def synapse_sinks(run: RunInfo) -> Iterable[Sink]:  # type: ignore[empty-body]
    """Sinks for this run's events; called once a run. A sink that raises is named and dropped for the run.

    ::

        @hookimpl
        def synapse_sinks(run):
            return [JsonLines(f"{run.run_id}.jsonl")]
    """


@hookspec
def synapse_run_started(run: RunInfo) -> None:
    """A run is about to start.

    ::

        @hookimpl
        def synapse_run_started(run):
            chat.post(f"{run.name} started")
    """


@hookspec
def synapse_run_finished(run: RunInfo, progress: PipelineProgress) -> None:
    """A run has ended, in whatever state.

    ::

        @hookimpl
        def synapse_run_finished(run, progress):
            chat.post(f"{run.name}: {progress.status}")
    """


@hookspec(firstresult=True)
def synapse_run_action(call: Call) -> Any:
    """Run an action, or wrap its running (a cache, a trace, a clock); it is called where the action runs.

    Most plugins wrap; the last to be called runs the action itself::

        @hookimpl(wrapper=True)
        def synapse_run_action(call):
            with tracer.span(call.action):
                return (yield)
    """


@hookspec(firstresult=True)
def synapse_autolog(framework: str, ctx: RuntimeContext) -> bool | None:
    """Make ``framework`` report to ``ctx`` by itself; True where this plugin knows how. Called where the action runs.

    ::

        @hookimpl
        def synapse_autolog(framework, ctx):
            if framework == "ultralytics":
                ultralytics.on_epoch_end(lambda e: ctx.set_progress(e.epoch, e.epochs))
                return True
    """


@hookspec
def synapse_cli(group: click.Group) -> None:
    """Add commands to ``synapse``.

    ::

        @hookimpl
        def synapse_cli(group):
            group.add_command(my_command)
    """
