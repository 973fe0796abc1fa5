"""Which models an action's class or function names: in ``BaseAction[P]``, or in its annotations."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ForwardRef, TypeVar, get_args, get_origin

from synapse_core.actiondef.base import BaseAction, NoResult


def model_or_none(declared: Any) -> Any:
    """A model class, or None for what says nothing (dict, Any, None, NoResult)."""
    plain = (None, NoResult, dict, Mapping, Any, type(None))
    if isinstance(declared, TypeVar) or declared in plain or get_origin(declared) in (dict, Mapping):
        return None
    return declared


def params_of(target: Any) -> Any:
    """The params model that a class names in ``BaseAction[P]``, or a function in its first annotation."""
    if isinstance(target, type):
        return _bound(target, {}) if issubclass(target, BaseAction) else None
    return annotation(target, 0)


def _bound(cls: Any, known: Mapping[Any, Any]) -> Any:
    """What ``P`` of `BaseAction` is bound to along the generic bases of ``cls``."""
    for base in cls.__dict__.get("__orig_bases__", ()) or cls.__bases__:
        origin = get_origin(base) or base
        if not (isinstance(origin, type) and issubclass(origin, BaseAction)):
            continue
        arguments = [_named(cls, known.get(arg, arg)) for arg in get_args(base)]
        if origin is BaseAction:
            return arguments[0] if arguments else None
        found = _bound(origin, dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False)))
        if found is not None and not isinstance(found, TypeVar):
            return found
    return None


def _named(cls: Any, argument: Any) -> Any:
    """What ``BaseAction["Params"]`` names in the module of the class; None where it is not there."""
    if not isinstance(argument, ForwardRef):
        return argument
    try:
        return eval(argument.__forward_arg__, vars(sys.modules[cls.__module__]))  # noqa: S307  as in `annotation`
    except Exception:  # noqa: BLE001  as there
        return None


def annotation(func: Any, index: int) -> Any:
    """The evaluated annotation of a positional argument (-1: of what is returned); None where there is none."""
    import inspect

    func = inspect.unwrap(func)
    names = [*func.__code__.co_varnames[: func.__code__.co_argcount]]
    name = "return" if index < 0 else (names[index] if index < len(names) else "")
    found = func.__annotations__.get(name)
    if not isinstance(found, str):
        return found
    try:
        return eval(found, func.__globals__)  # noqa: S307  the author's own annotation, as typing.get_type_hints does
    except Exception:  # noqa: BLE001  a name that only type checkers see tells nothing at run time
        return None
