"""`PluginDiscovery`: a plugin of actions, from wherever it was read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from attrs import define, field

from synapse_core.actiondef import ActionSpec, PluginCategory
from synapse_core.discovery.problem import Problem, clash
from synapse_core.errors import ActionNotFoundError, DiscoveryError, NotFoundError, unknown

if TYPE_CHECKING:
    from synapse_core.discovery.config import Entry
    from synapse_core.discovery.sync import ConfigChanges
    from synapse_core.schema import Schema
    from synapse_core.types import DataType, TypeRegistry


@define(eq=False, kw_only=True)
class PluginDiscovery:
    """A plugin of actions: what it says of itself, its actions by name, and what is wrong with it.

    Made by `from_path`, `from_module`, `from_source` or `from_specs`. An action is imported when it is asked for; one
    that cannot be stays in the list, is named in `problems`, and the others work.

    Attributes:
        code: the plugin's name for programs; ``name`` is the one for people.
        root: the plugin's folder; None for one that was made from specs.
        source: the config file, source or module that the plugin was read from.
        config: all that its ``config.yaml`` says, as plain data; empty where there is none.
        types, schema: the session's, where it has more semantic types and kinds of models than are built in.
    """

    name: str
    code: str
    version: str = ""
    category: str = PluginCategory.CUSTOM.value
    description: str = ""
    package_manager: str = "pip"
    package_manager_options: tuple[str, ...] = ()
    wheels_dir: str = "wheels"
    env: Mapping[str, Any] = field(factory=dict, repr=False)
    runtime_env: Mapping[str, Any] = field(factory=dict, repr=False)
    root: str | None = None
    source: str = ""
    config: Mapping[str, Any] = field(factory=dict, repr=False)
    types: TypeRegistry | None = field(default=None, repr=False)
    schema: Schema | None = field(default=None, repr=False)
    _specs: dict[str, ActionSpec] = field(factory=dict, repr=False)
    _pipelines: Mapping[str, Entry] = field(factory=dict, repr=False)
    _notes: list[Problem] = field(factory=list, repr=False)
    _broken: dict[str, Problem] = field(factory=dict, repr=False)

    # -- made from -----------------------------------------------------------------------------------------------

    @classmethod
    def from_path(cls, path: str | Path) -> Self:
        """A plugin from a folder with a ``config.yaml``, such a file itself, a ``.py`` file, or a folder of sources.

        Raises:
            DiscoveryError: there is no such path, or the config is no YAML.
            ConfigError: the config has wrong fields; every one is named, with its line.
        """
        from synapse_core.discovery.making import from_path

        return from_path(cls, Path(path))

    @classmethod
    def from_module(cls, module: ModuleType | str) -> Self:
        """A plugin from a module, or from a package with all its submodules (or the ``config.yaml`` in it).

        Raises:
            DiscoveryError: there is no such module, or it cannot be imported.
        """
        from synapse_core.discovery.making import from_module

        return from_module(cls, module)

    @classmethod
    def from_source(cls, path: str | Path) -> Self:
        """A plugin from a source file or a folder of them, read without importing anything.

        Raises:
            DiscoveryError: there is no such path.
        """
        from synapse_core.discovery.from_code import from_source

        return from_source(cls, Path(path))

    @classmethod
    def from_specs(cls, name: str, specs: Iterable[ActionSpec], **about: Any) -> Self:
        """A plugin of the given actions; ``about`` sets further attributes (version, description, …)."""
        plugin = cls(name=name, **{"code": name, **about})
        for spec in specs:
            plugin.add(spec)
        return plugin

    def add(self, spec: ActionSpec) -> bool:
        """Take an action in; where there is one of its name, that stays, and the clash becomes a problem."""
        first = self._specs.setdefault(spec.name, spec)
        if first is not spec:
            self.note(clash(spec, first))
        return first is spec

    def environment(self) -> dict[str, str]:
        """The variables that the plugin declares; the values that this process's environment has for them win."""
        return {key: os.environ.get(key, str(value)) for key, value in self.env.items()}

    # -- actions -------------------------------------------------------------------------------------------------

    def list_actions(self) -> list[str]:
        """The actions' names, broken ones too, in the order of the config or the source."""
        return list(self._specs)

    def specs(self) -> list[ActionSpec]:
        """The actions' specs, in the same order; nothing is imported for it."""
        return list(self._specs.values())

    def spec(self, name: str) -> ActionSpec:
        """The action of that name; nothing is imported for it.

        Raises:
            ActionNotFoundError: the plugin has none; the message names the nearest.
        """
        if name not in self._specs:
            from shlex import join

            hint = f"see `{join(['synapse', 'actions', str(self.source or self.name)])}`"
            raise ActionNotFoundError(f"plugin {self.name!r}: {unknown('action', name, self._specs)}", hint=hint)
        return self._specs[name]

    def get_action_class(self, name: str) -> Any:
        """The action itself: a `BaseAction` class, or a function under `action`.

        Raises:
            ActionNotFoundError: the plugin has none of that name.
            DiscoveryError: it cannot be imported.
        """
        return self.spec(name).load()

    def get_params_model(self, name: str) -> Any:
        """The class of the action's params; None where it takes a plain dict."""
        return self.spec(name).params_model

    def get_result_model(self, name: str) -> Any:
        """The class of the action's result; None where that has no schema."""
        return self.spec(name).result_model

    def get_input_type(self, name: str) -> type[DataType] | None:
        """The semantic type that the action takes, or None."""
        return self.spec(name).input_type

    def get_output_type(self, name: str) -> type[DataType] | None:
        """The semantic type that the action gives, or None."""
        return self.spec(name).output_type

    def get_params_schema(self, name: str) -> dict[str, Any]:
        """The JSON Schema of the action's params."""
        model = self.get_params_model(name)
        return {"type": "object"} if model is None else self._schema().json_schema(model)

    def get_ui_schema(self, name: str) -> list[dict[str, Any]]:
        """The form (FormKit nodes) for the action's params."""
        model = self.get_params_model(name)
        return [] if model is None else self._schema().ui_schema(model)

    def _schema(self) -> Schema:
        from synapse_core.schema import default_schema

        return self.schema or default_schema()

    # -- pipelines -----------------------------------------------------------------------------------------------

    def list_pipelines(self) -> list[str]:
        """The names of the pipelines that the config names."""
        return list(self._pipelines)

    def get_pipeline(self, name: str | None = None) -> Any:
        """The pipeline of that name; without one, that called ``default``, or else the first.

        Raises:
            NotFoundError: the plugin has none, or none of that name.
            DiscoveryError: it cannot be imported.
        """
        from synapse_core.discovery.loading import load_entry

        if name is None:
            name = "default" if "default" in self._pipelines else next(iter(self._pipelines), "default")
        if name not in self._pipelines:
            hint = None if self._pipelines else "name one in config.yaml: pipelines: {NAME: {entrypoint: pkg.mod:NAME}}"
            raise NotFoundError(f"plugin {self.name!r}: {unknown('pipeline', name, self._pipelines)}", hint=hint)
        return load_entry(self._pipelines[name], Path(self.root or "."))

    # -- what is wrong -------------------------------------------------------------------------------------------

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is known to be wrong: strange config keys, unknown types, modules and actions that broke so far."""
        from synapse_core.discovery.typenames import TypeNames

        types = [spec.overrides for spec in self.specs() if isinstance(spec.overrides, TypeNames)]
        unknown_types = [problem for names in types for problem in names.problems()]
        return (*self._notes, *unknown_types, *self._broken.values())

    @property
    def broken(self) -> Mapping[str, Problem]:
        """The actions that could not be loaded, as far as that was tried; `check` tries all."""
        return dict(self._broken)

    def check(self) -> tuple[Problem, ...]:
        """Import every action, and tell all that is wrong then."""
        for spec in self.specs():
            try:
                spec.load()
            except DiscoveryError as error:
                self.note_broken(spec, error)
        return self.problems

    def note(self, *problems: Problem) -> None:
        """Remember what is wrong."""
        self._notes.extend(problems)

    def note_broken(self, spec: ActionSpec, error: DiscoveryError) -> None:
        """Remember that an action could not be loaded."""
        self._broken[spec.name] = Problem.of(f"action {spec.name!r}", error)

    def note_loaded(self, spec: ActionSpec) -> None:
        """Forget that an action could not be loaded: it was, this time."""
        self._broken.pop(spec.name, None)

    def find_type(self, name: str, spec: ActionSpec) -> type[DataType]:
        """The semantic type that a config names for an action, which is imported where nobody else knows the type.

        Raises:
            NotFoundError: the action's module does not know it either.
        """
        from synapse_core.discovery.typenames import find_type

        try:
            return find_type(name, self.type_registry(), spec.root)
        except NotFoundError:
            if spec.target is not None:
                raise
        with suppress(DiscoveryError):  # noted as broken by then
            spec.load()
        return find_type(name, self.type_registry(), spec.root)

    def type_registry(self) -> TypeRegistry:
        """The session's semantic types, or those that come with Synapse."""
        if self.types is None:
            from synapse_core.types import TypeRegistry

            self.types = TypeRegistry()
        return self.types

    # -- as a config ---------------------------------------------------------------------------------------------

    def to_config_dict(self, *, schemas: bool = False) -> dict[str, Any]:
        """The plugin as a config, plain data: what the ``config.yaml`` says, completed by what the code says.

        Args:
            schemas: put each action's ``params_schema`` and ``ui_schema`` in.
        """
        from synapse_core.discovery.describe import config_dict

        return config_dict(self, schemas=schemas)

    def to_yaml(self, *, schemas: bool = False) -> str:
        """The same as the text of a ``config.yaml``."""
        from synapse_core.discovery.describe import dump

        return dump(self.to_config_dict(schemas=schemas))

    def sync_config_file(self, path: str | Path) -> ConfigChanges:
        """Bring a ``config.yaml`` up to what this discovery holds; what need not change stays byte for byte.

        Written are new actions, and entry points and semantic types that differ. Nothing is taken out: the result
        names actions that only the file has. A file that is not there is made. The result is true if the file changed.

        Raises:
            DiscoveryError: the file is no valid config; it is left as it is.
        """
        from synapse_core.discovery.sync import sync_config_file

        return sync_config_file(self, Path(path))
