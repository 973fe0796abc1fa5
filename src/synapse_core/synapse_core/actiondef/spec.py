"""`ActionSpec`: what the rest of Synapse knows of an action, and how one is had from whatever names an action."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import define, field

from synapse_core.actiondef.base import STOP_MODES, BaseAction, PluginCategory, StopMode
from synapse_core.actiondef.models import annotation, model_or_none, params_of
from synapse_core.actiondef.target import entrypoint_of, import_target
from synapse_core.errors import DiscoveryError, unknown

if TYPE_CHECKING:
    from synapse_core.types import DataType

MARK = "__synapse_action__"


@define(eq=False)
class ActionSpec:
    """One action as the rest of Synapse sees it.

    ``entrypoint`` is ``pkg.mod:Name`` or ``/path/file.py:Name``; ``root`` is the folder that a plugin's own packages
    are imported from. ``target`` is the class or function, None until `load` was called on a spec from a config file
    or a static scan. What ``overrides`` holds (a config file's input type, say) wins over what the class says.
    """

    name: str
    entrypoint: str
    target: Any = field(default=None, repr=False)
    root: str | None = None
    description: str = ""
    category: str = PluginCategory.CUSTOM.value
    method: str = "task"
    version: str = ""
    plugin: str = ""
    loader: Callable[[ActionSpec], Any] | None = field(default=None, repr=False)
    overrides: Mapping[str, Any] = field(factory=dict, repr=False)

    def load(self) -> Any:
        """The class or function itself, imported if need be.

        Raises:
            DiscoveryError: it cannot be imported, or its module has no such name.
        """
        if self.target is None:
            self.target = (self.loader or _import_spec)(self)
        return self.target

    @property
    def is_class(self) -> bool:
        """Whether the action is a `BaseAction` class (else a function)."""
        return isinstance(self.load(), type)

    @cached_property
    def params_model(self) -> Any:
        """The params' model class; None where the action takes a plain dict."""
        return model_or_none(self._declared("params_model") or params_of(self.load()))

    @cached_property
    def result_model(self) -> Any:
        """The result's model class; None where the result has no schema."""
        return model_or_none(self._declared("result_model"))

    @cached_property
    def input_type(self) -> type[DataType] | None:
        """The semantic type that the action wants, or None."""
        found: type[DataType] | None = self._declared("input_type")
        return found

    @cached_property
    def output_type(self) -> type[DataType] | None:
        """The semantic type that the action gives, or None."""
        found: type[DataType] | None = self._declared("output_type")
        return found

    @cached_property
    def stop(self) -> StopMode:
        """How the action can be stopped.

        Raises:
            DiscoveryError: it says something else.
        """
        said: Any = self._declared("stop") or "cooperative"
        if said not in STOP_MODES:
            raise DiscoveryError(f"action {self.name!r}: {unknown('stop', str(said), STOP_MODES)}")
        found: StopMode = said
        return found

    def _declared(self, name: str) -> Any:
        if name in self.overrides:
            return self.overrides[name]
        target = self.load()
        own = None if isinstance(target, type) else getattr(target, MARK, None)
        if own is not None and own is not self:
            return own._declared(name)
        found = getattr(target, name, None)
        if found is None and name == "result_model" and not isinstance(target, type):
            return annotation(target, -1)
        return found


def is_action(target: object) -> bool:
    """Whether ``target`` is an action: a concrete `BaseAction` class or a decorated function."""
    if isinstance(target, type):
        return issubclass(target, BaseAction) and target.execute is not BaseAction.execute
    return MARK in getattr(target, "__dict__", ())


def spec_of(target: Any) -> ActionSpec:
    """The spec of a class, a decorated function, a spec, or an entry point (``pkg.mod:Name`` or ``pkg.mod.Name``).

    Raises:
        DiscoveryError: it is no action.
    """
    if isinstance(target, ActionSpec):
        return target
    if isinstance(target, str):
        return _spec_of_string(target)
    if isinstance(target, type) and issubclass(target, BaseAction):
        return target.__dict__.get(MARK) or _spec_of_class(target)
    found = getattr(target, MARK, None)
    if isinstance(found, ActionSpec):
        return found
    raise DiscoveryError(
        f"{target!r} is no action",
        hint="subclass BaseAction, or put @action above the function; or give 'pkg.mod:Name'",
    )


def _spec_of_class(cls: type[BaseAction[Any]]) -> ActionSpec:
    entrypoint, root = entrypoint_of(cls)
    spec = ActionSpec(
        name=cls.action_name or action_name_of(cls.__name__),
        entrypoint=entrypoint,
        target=cls,
        root=root,
        description=cls.description or summary(cls),
        category=str(cls.category),
        version=cls.version,
    )
    setattr(cls, MARK, spec)
    return spec


def _spec_of_string(entrypoint: str) -> ActionSpec:
    return spec_of(import_target(entrypoint))


def _import_spec(spec: ActionSpec) -> Any:
    return import_target(spec.entrypoint, spec.root)


def action_name_of(class_name: str) -> str:
    """``TrainModelAction`` → ``train_model``."""
    stem = class_name.removesuffix("Action") or class_name
    return _WORDS.sub("_", stem).lower()


_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def summary(target: object) -> str:
    """The first line of a docstring."""
    doc = getattr(target, "__doc__", None) or ""
    return doc.strip().partition("\n")[0].strip()
