"""What ``synapse actions`` tells of a plugin's actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from attrs import NOTHING

from synapse_core.actiondef import ActionSpec
from synapse_core.cli import codes
from synapse_core.cli.state import State, require_given
from synapse_core.cli.tables import columns, show, show_json, table, wrapped
from synapse_core.cli.target import find_plugin
from synapse_core.cli.telling import warn
from synapse_core.errors import SynapseError
from synapse_core.schema import Field, Schema, type_name

if TYPE_CHECKING:
    from synapse_core.discovery import PluginDiscovery
    from synapse_core.plugins import PluginManager

_LONGEST_DEFAULT = 32


def list_actions(state: State, target: str | None, action: str | None, *, as_json: bool, schema: bool, ui: bool) -> int:
    """Print what was asked for.

    Raises:
        DiscoveryError: the target stands for nothing, or the one action cannot be loaded.
        ActionNotFoundError: it has no such action.
    """
    pm = state.manager()
    require_given(pm)
    known = Schema(pm.adapters(), pm.converters())
    if target is None:
        _list_installed(pm, known, as_json=as_json)
        return codes.COMPLETED
    plugin = find_plugin(pm, target)
    if action is None:
        _list_plugin(plugin, known, as_json=as_json)
    else:
        _show_action(plugin.spec(action), known, as_json=as_json, schema=schema, ui=ui)
    return codes.COMPLETED


# -- several --------------------------------------------------------------------------------------------------


def _list_installed(pm: PluginManager, schema: Schema, *, as_json: bool) -> None:
    specs = pm.actions()
    told = [{"plugin": spec.plugin, **_told(spec, schema)} for spec in specs]
    if as_json:
        show_json({"actions": told})
    elif not told:
        show("No installed plugin brings actions; name a folder, a file or a module.")
    else:
        show(table(("PLUGIN", "ACTION", "DESCRIPTION"), [(t["plugin"], t["name"], _line(t)) for t in told]))


def _list_plugin(plugin: PluginDiscovery, schema: Schema, *, as_json: bool) -> None:
    told = [_told(spec, schema) for spec in plugin.specs()]
    pipelines = plugin.list_pipelines()
    shown = {problem.where for problem in plugin.broken.values()}
    problems = [problem for problem in plugin.problems if problem.where not in shown]
    if as_json:
        about = {"name": plugin.name, "code": plugin.code, "version": plugin.version, "category": plugin.category}
        show_json({**about, "actions": told, "pipelines": pipelines, "problems": [str(each) for each in problems]})
        return
    show(" ".join(filter(None, [click.style(plugin.name, bold=True), plugin.version])))
    for line in wrapped(plugin.description, 0) if plugin.description else ():
        show(line)
    for entry in told:
        show(f"\n{_entry(entry)}")
    if pipelines:
        show(f"\npipelines: {', '.join(pipelines)}")
    for problem in problems:
        warn(problem)


def _entry(told: dict[str, Any]) -> str:
    """A paragraph: the name, what the action does, and its params in a line each."""
    lines = [click.style(told["name"], fg="cyan", bold=True)]
    lines += [f"  {line}" for line in wrapped(_line(told), 2)] if _line(told) else []
    params = [(p["name"], p["type"], _default(p), p["description"]) for p in told.get("params", ())]
    return "\n".join([*lines, *([columns(params, "    ")] if params else [])])


def _line(told: dict[str, Any]) -> str:
    return f"cannot be loaded: {told['error']}" if told.get("error") else str(told["description"])


def _default(param: dict[str, Any]) -> str:
    import json

    if param["required"]:
        return "(required)"
    if param.get("secret"):
        return ""
    if "default" not in param:
        return ""
    text = json.dumps(param["default"], ensure_ascii=False)
    return f"= {text}" if len(text) <= _LONGEST_DEFAULT else f"= {text[:_LONGEST_DEFAULT]}..."


# -- one ------------------------------------------------------------------------------------------------------


def _show_action(spec: ActionSpec, known: Schema, *, as_json: bool, schema: bool, ui: bool) -> None:
    spec.load()
    model = spec.params_model
    if schema:
        show_json({"type": "object"} if model is None else known.json_schema(model))
    elif ui:
        show_json([] if model is None else known.ui_schema(model))
    elif as_json:
        show_json(_told(spec, known))
    else:
        _show_details(_told(spec, known))


def _show_details(told: dict[str, Any]) -> None:
    show(_entry(told))
    facts = {
        key: str(told[key]) for key in ("category", "version", "entrypoint", "input_type", "output_type", "result")
    }
    show("")
    for key, value in facts.items():
        if value not in {"", "None"}:
            show(f"  {key.replace('_', ' ') + ':':<13}{value}")


# -- as data --------------------------------------------------------------------------------------------------


def _told(spec: ActionSpec, schema: Schema) -> dict[str, Any]:
    """An action as JSON data; ``error`` where it cannot be loaded."""
    told: dict[str, Any] = {
        "name": spec.name,
        "description": spec.description,
        "category": spec.category,
        "version": spec.version,
        "entrypoint": spec.entrypoint,
    }
    try:
        spec.load()
        model = spec.params_model
        return {
            **told,
            "description": spec.description or _summary(spec),
            "input_type": spec.input_type.name if spec.input_type else None,
            "output_type": spec.output_type.name if spec.output_type else None,
            "result": type_name(spec.result_model) if spec.result_model else None,
            "params": [_param(field, schema) for field in schema.fields(model)] if model is not None else [],
        }
    except SynapseError as error:
        return {**told, "error": error.message}


def _summary(spec: ActionSpec) -> str:
    return (getattr(spec.target, "__doc__", None) or "").strip().partition("\n")[0]


def _param(field: Field, schema: Schema) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": field.name,
        "type": type_name(field.type),
        "required": field.required,
        "description": field.description,
    }
    if field.secret:
        return {**told, "secret": True}
    if not field.required and field.default is not NOTHING:
        try:
            told["default"] = schema.unstructure(field.default)
        except SynapseError:
            told["default"] = repr(field.default)
    return told
