"""``TARGET [ACTION]``: what the words stand for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from synapse_core.actiondef import ActionSpec, is_action, spec_of
from synapse_core.actiondef.target import import_module
from synapse_core.cli.params import Wanted
from synapse_core.errors import ActionNotFoundError, DiscoveryError, unknown
from synapse_core.pipeline import PipelineDefinition, PipelineGraph, as_graph
from synapse_core.schema import Schema

if TYPE_CHECKING:
    from synapse_core.discovery import PluginDiscovery
    from synapse_core.plugins import PluginManager


@frozen
class Target:
    """What is to be run: a pipeline, or one action (``spec``) as a pipeline of one, with its plugin's variables."""

    graph: PipelineGraph
    spec: ActionSpec | None = None
    env: Mapping[str, str] = field(factory=dict, repr=False)

    def wanted(self, schema: Schema) -> Wanted:
        """What the params are made into."""
        nodes = list(self.graph.plan)
        models = tuple(dict.fromkeys(node.spec.params_model for node in nodes))
        lists = frozenset(node.fan_out.source for node in nodes if node.fan_out is not None)
        return Wanted(schema, tuple(model for model in models if model is not None), lists)


def find_target(pm: PluginManager, source: str, name: str | None = None) -> Target:
    """What ``source``, and an action's or pipeline's ``name`` in it, stand for.

    Without a name: the object that ``source`` names (``file.py:pipeline``), else the plugin's pipeline (of a file or
    module without a config, the one at its top level), else its only action.

    Raises:
        DiscoveryError: the source stands for nothing, or cannot be loaded; or it has several to choose from.
        ActionNotFoundError: there is nothing of that name.
        PipelineError: the pipeline cannot be built.
    """
    if _names_object(source):
        return _of_object(_with_name(source, name))
    plugin = find_plugin(pm, source)
    return evolve(_in_plugin(plugin, source, name), env=plugin.environment())


def _in_plugin(plugin: PluginDiscovery, source: str, name: str | None) -> Target:
    if name is None:
        return _the_one(plugin, source)
    if name in plugin.list_actions():
        return _of_action(plugin.spec(name))
    if name in plugin.list_pipelines():
        return Target(as_graph(plugin.get_pipeline(name), None))
    hint = f"params are given by -p: `{shlex.join(['synapse', 'run', source, '-p', name])}`" if "=" in name else None
    known = [*plugin.list_actions(), *plugin.list_pipelines()]
    raise ActionNotFoundError(f"{source}: {unknown('action or pipeline', name, known)}", hint=hint)


def lasting(source: str, name: str | None = None) -> str:
    """The words ``source`` and ``name`` as one text, to be found again from any folder: paths are absolute."""
    place, colon, inside = source.rpartition(":")
    if Path(source).expanduser().exists():
        source = _absolute(source)
    elif colon and Path(place).expanduser().exists():
        source = f"{_absolute(place)}:{inside}"
    return shlex.join([source] if name is None else [source, name])


def _absolute(text: str) -> str:
    """Links stay as they are typed, but where ``..`` goes past them."""
    path = Path(text).expanduser().absolute()
    return str(path.resolve() if ".." in path.parts else path)


def find_lasting(pm: PluginManager, text: str) -> Target:
    """What `lasting` made a text of; or any ``SOURCE [NAME]`` as it is typed.

    Raises:
        DiscoveryError, ActionNotFoundError, PipelineError: as `find_target`.
    """
    source, *name = split_words(text)
    return find_target(pm, source, " ".join(name) or None)


def split_words(text: str) -> list[str]:
    """``SOURCE [NAME]`` as its words; one, where it is a path as it stands."""
    if Path(text).expanduser().exists():
        return [text]
    try:
        return shlex.split(text) or [text]
    except ValueError:
        return [text]


def find_plugin(pm: PluginManager, source: str) -> PluginDiscovery:
    """The plugin that a folder, a file, a module or an installed plugin's name stands for.

    Raises:
        DiscoveryError: it stands for none, or for one that is broken.
    """
    brought = [] if Path(source).exists() else [spec for spec in pm.actions() if spec.plugin == source]
    from synapse_core.discovery import PluginDiscovery, unknown_source

    if brought:
        return PluginDiscovery.from_specs(source, brought)
    found = pm.find(source)
    if found is None:
        raise unknown_source(source)
    return found


def _names_object(source: str) -> bool:
    return ":" in source and "://" not in source and not Path(source).exists()


def _with_name(source: str, name: str | None) -> str:
    if name is not None:
        raise DiscoveryError(f"{source!r} names an object already; {name!r} is one too many")
    return source


def _of_object(source: str) -> Target:
    from synapse_core.discovery import find_pipeline

    found: Any = find_pipeline(source)
    return _of_action(spec_of(found)) if is_action(found) else Target(as_graph(found))


def _of_action(spec: ActionSpec) -> Target:
    return Target(PipelineGraph([spec], name=spec.name), spec)


def _the_one(plugin: PluginDiscovery, source: str) -> Target:
    actions = plugin.list_actions()
    if plugin.list_pipelines():
        return Target(as_graph(plugin.get_pipeline()))
    pipelines = _pipelines_in(plugin)
    if len(pipelines) == 1:
        return _of_object(f"{source}:{pipelines[0]}")
    if pipelines:
        raise DiscoveryError(
            f"{source} has several pipelines: {', '.join(pipelines)}",
            hint=f"say which one to run: `{shlex.join(['synapse', 'run', f'{source}:{pipelines[0]}'])}`",
        )
    if len(actions) == 1:
        return _of_action(plugin.spec(actions[0]))
    if not actions:
        problems = "".join(f"\n{problem}" for problem in plugin.problems)
        raise DiscoveryError(f"{source} has neither actions nor a pipeline{problems}")
    raise DiscoveryError(
        f"{source} has several actions and no pipeline: {', '.join(actions)}",
        hint=f"say which one to run: `{shlex.join(['synapse', 'run', source, actions[0]])}`",
    )


def _pipelines_in(plugin: PluginDiscovery) -> list[str]:
    """The names of the pipelines at the top level of a file or module; one that has two names by its first."""
    if not plugin.source or plugin.broken or Path(plugin.source).is_dir():
        return []
    try:
        module = import_module(plugin.source)
    except (Exception, SystemExit):  # noqa: BLE001  somebody's module; the plugin's problems tell it
        return []
    found: dict[int, str] = {}
    for name, value in vars(module).items():
        if name[:1] != "_" and issubclass(type(value), PipelineGraph | PipelineDefinition):
            found.setdefault(id(value), name)
    return list(found.values())
