"""A plugin as a config: plain data, or the text of a ``config.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse_core.actiondef import ActionSpec
from synapse_core.discovery.loading import root_for
from synapse_core.errors import DiscoveryError

if TYPE_CHECKING:
    from synapse_core.discovery.plugin import PluginDiscovery

_DEFAULTS = {"package_manager": "pip", "wheels_dir": "wheels"}


def config_dict(plugin: PluginDiscovery, *, schemas: bool = False) -> dict[str, Any]:
    """See `PluginDiscovery.to_config_dict`."""
    config = deepcopy(dict(plugin.config))
    actions = config.pop("actions", None) or {}
    for spec in plugin.specs():
        said = actions.get(spec.name, {})
        actions[spec.name] = {**said, **_unsaid(action_dict(plugin, spec), said)}
        if schemas:
            actions[spec.name].update(_schemas(plugin, spec))
    return {**config, **_unsaid(_about(plugin), config), "actions": actions}


def _unsaid(values: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if said.get(key) is None}


def _about(plugin: PluginDiscovery) -> dict[str, Any]:
    """What the plugin says of itself, but for what is empty or goes without saying."""
    said = {
        "name": plugin.name,
        "code": plugin.code,
        "version": plugin.version,
        "category": plugin.category,
        "description": plugin.description,
        "package_manager": plugin.package_manager,
        "package_manager_options": list(plugin.package_manager_options),
        "wheels_dir": plugin.wheels_dir,
        "env": dict(plugin.env),
        "runtime_env": dict(plugin.runtime_env),
    }
    return {key: value for key, value in said.items() if value and value != _DEFAULTS.get(key)}


def action_dict(plugin: PluginDiscovery, spec: ActionSpec) -> dict[str, Any]:
    """An action's entry in a config; without the semantic types of one that cannot be loaded."""
    types = type_names(plugin, spec)
    said = {
        "description": spec.description,
        "entrypoint": entrypoint_text(spec, Path(plugin.root or ".")),
        "method": spec.method,
        "category": spec.category if spec.category != plugin.category else "",
        "version": spec.version,
        **types,
    }
    return {key: value for key, value in said.items() if value}


def type_names(plugin: PluginDiscovery, spec: ActionSpec) -> dict[str, str]:
    """The names of the action's semantic types, as far as it has any; none where it cannot be loaded."""
    try:
        types = {"input_type": spec.input_type, "output_type": spec.output_type}
    except DiscoveryError as error:
        plugin.note_broken(spec, error)
        return {}
    return {key: data_type.name for key, data_type in types.items() if data_type is not None}


def entrypoint_text(spec: ActionSpec, folder: Path) -> str:
    """The entry point as a config in ``folder`` names it, so that it is found from there."""
    module, _, name = spec.entrypoint.rpartition(":")
    if spec.root is None:
        file = Path(module)
    else:
        found = root_for(folder, module)
        if found is not None and Path(found).resolve() == Path(spec.root).resolve():
            return spec.entrypoint
        place = Path(spec.root, *module.split("."))
        file = place / "__init__.py" if place.is_dir() else place.with_name(f"{place.name}.py")
    inside = file.is_absolute() and file.is_relative_to(folder.resolve())
    return f"{file.relative_to(folder.resolve()).as_posix()}:{name}" if inside else spec.entrypoint


def _schemas(plugin: PluginDiscovery, spec: ActionSpec) -> Mapping[str, Any]:
    try:
        return {"params_schema": plugin.get_params_schema(spec.name), "ui_schema": plugin.get_ui_schema(spec.name)}
    except DiscoveryError as error:
        plugin.note_broken(spec, error)
        return {}


def dump(data: Mapping[str, Any], step: int = 2) -> str:
    """Plain data as YAML, in blocks, its order kept."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=step, sequence=step + 2, offset=step)
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    text = StringIO()
    yaml.dump(_plain(data), text)
    return text.getvalue()


def _plain(value: Any) -> Any:
    """The value without what only Python has: tuples, enums of text, mappings of other kinds."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    if value.isprintable():
        return str(value)
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    # The emitter leaves some separators bare that the reader then folds.
    quoted: str = DoubleQuotedScalarString(value)
    return quoted
