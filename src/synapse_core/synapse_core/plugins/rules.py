"""The rules that a plugin's hook implementations keep, checked before any of them is registered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pluggy
from attrs import frozen

from synapse_core.errors import unknown


@frozen
class Spec:
    """What a hook specification asks of an implementation: the arguments that there are, and whether it is historic."""

    hook: str
    arguments: tuple[str, ...]
    historic: bool


@frozen
class Implementation:
    """A function of a plugin that implements a hook, with the options of its `hookimpl` mark."""

    hook: str
    function: Callable[..., Any]
    options: Any
    attribute: str = ""

    @property
    def wraps(self) -> bool:
        """Whether it wraps the other implementations."""
        return bool(self.options.get("wrapper") or self.options.get("hookwrapper"))


def faults(pm: pluggy.PluginManager, plugin: object) -> list[str]:
    """Everything that is wrong with a plugin, as far as hooks are known by now; empty where nothing is."""
    found: list[str] = []
    for each in _implementations(pm, plugin):
        found += _kind_faults(each, plugin)
        caller = getattr(pm.hook, each.hook, None)
        if caller is not None and caller.spec is not None:
            found += fit_faults(each, Spec(each.hook, _spec_arguments(caller.spec), caller.is_historic()))
    return found + [
        f"hook {name!r}: its function is not under @hookimpl, so nothing would call it"
        for name in _unmarked(pm, plugin)
    ]


def fit_faults(impl: Implementation, spec: Spec) -> list[str]:
    """How an implementation does not fit the specification of its hook."""
    known = spec.arguments
    found = [f"hook {impl.hook!r}: {unknown('argument', name, known)}" for name in _wanted(impl) if name not in known]
    if spec.historic and impl.wraps:
        found.append(f"hook {impl.hook!r}: is called for each plugin as it comes, and cannot be wrapped")
    return found


def specs_in(pm: pluggy.PluginManager, namespace: Any) -> list[Spec]:
    """The hook specifications in a module or class."""
    found = []
    for name in dir(namespace):
        options = pm.parse_hookspec_opts(namespace, name)
        if options is not None:
            arguments = tuple(inspect.signature(getattr(namespace, name)).parameters)
            own = arguments[1:] if inspect.isclass(namespace) and arguments[:1] == ("self",) else arguments
            found.append(Spec(name, own, bool(options.get("historic"))))
    return found


def _spec_arguments(spec: Any) -> tuple[str, ...]:
    return (*spec.argnames, *spec.kwargnames)


def _implementations(pm: pluggy.PluginManager, plugin: object) -> Iterator[Implementation]:
    for name in dir(plugin):
        options = pm.parse_hookimpl_opts(plugin, name)
        if options is not None:
            yield Implementation(options.get("specname") or name, getattr(plugin, name), options, name)


def _wanted(impl: Implementation) -> list[str]:
    """The arguments that an implementation cannot be called without."""
    asked = inspect.signature(impl.function).parameters.values()
    return [each.name for each in asked if each.default is each.empty and each.kind not in _COLLECTING]


_COLLECTING = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def _kind_faults(impl: Implementation, plugin: object) -> Iterator[str]:
    function, where = impl.function, f"hook {impl.hook!r}"
    generates = inspect.isgeneratorfunction(function)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{where}: is `async def`; hooks are called and never awaited: write `def`"
    elif generates and not impl.wraps:
        yield f"{where}: is a generator; return a list, or mark it hookimpl(wrapper=True) if it wraps the others"
    elif impl.wraps and not generates:
        yield f"{where}: is marked as a wrapper and has no yield"
    if inspect.isclass(plugin) and _is_unbound(plugin, impl):
        yield f"{where}: is a method of the class {plugin.__name__}; give an instance of it as the plugin"


def _is_unbound(plugin: type, impl: Implementation) -> bool:
    static = inspect.getattr_static(plugin, impl.attribute, None)
    return isinstance(static, FunctionType) and next(iter(inspect.signature(static).parameters), "") == "self"


def _unmarked(pm: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    """The functions that have a hook's name and no mark: what comes of a forgotten decorator.

    Only of the core's hooks, whose names say what they are; a plugin's hook may be called as any function is.
    """
    marks = (f"{pm.project_name}_impl", f"{pm.project_name}_spec")
    for name in filter(lambda name: name.startswith(f"{pm.project_name}_"), vars(pm.hook)):
        function = inspect.getattr_static(plugin, name, None)
        if isinstance(function, FunctionType) and not any(hasattr(function, mark) for mark in marks):
            yield name
