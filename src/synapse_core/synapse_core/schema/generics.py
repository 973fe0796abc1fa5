"""The types of a class's fields: names in annotations resolved, type variables replaced by what they stand for."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

from synapse_core.errors import SynapseError


def origin_of(cls: Any) -> Any:
    """``Box`` of ``Box[int]``, and of ``Box``."""
    return get_origin(cls) or cls


def annotations_of(cls: type) -> dict[str, Any]:
    """The annotations of ``cls`` and its bases, as types.

    Raises:
        SynapseError: one names what cannot be found in the class's module.
    """
    try:
        return typing.get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except NameError as error:
        raise unresolved(cls, error) from error


def unresolved(cls: type, error: NameError) -> SynapseError:
    """The error for a class whose annotations name something that cannot be found."""
    where = f"{cls.__module__}.{cls.__qualname__}"
    hint = "a type that fields name has to be importable at module level, not only inside a function or TYPE_CHECKING"
    return SynapseError(f"the fields of {where} cannot be read: {error}", hint=hint)


def substituted(wanted: Any, arguments: Mapping[Any, Any]) -> Any:
    """``list[T]`` as ``list[int]`` where ``arguments`` has ``{T: int}``; an unbound variable is its bound, or Any."""
    if isinstance(wanted, TypeVar):
        return arguments.get(wanted, _free(wanted))
    parameters = getattr(wanted, "__parameters__", ())
    if isinstance(wanted, type) and get_origin(wanted) is None:
        return wanted
    return wanted[tuple(substituted(p, arguments) for p in parameters)] if parameters else wanted


def _free(variable: TypeVar) -> Any:
    if variable.__constraints__:
        return typing.Union[variable.__constraints__]  # noqa: UP007  made at run time from a tuple
    return Any if variable.__bound__ is None else variable.__bound__


_ROOTS = (object, typing.Generic, typing.Protocol)


class TypeArguments:
    """What the type variables of a class, and of each of its generic bases, stand for."""

    def __init__(self, cls: Any) -> None:
        self._by_class: dict[Any, dict[Any, Any]] = {}
        self._mro = origin_of(cls).__mro__
        self._visit(cls)

    def of(self, name: str, wanted: Any) -> Any:
        """The type of the field ``name``, annotated with ``wanted``, in this class."""
        owner = next((c for c in self._mro if name in getattr(c, "__annotations__", {})), None)
        return substituted(wanted, self._by_class.get(owner, {}))

    def _visit(self, cls: Any) -> None:
        origin = origin_of(cls)
        arguments = dict(zip(getattr(origin, "__parameters__", ()), get_args(cls), strict=False))
        self._by_class.setdefault(origin, arguments)
        for base in vars(origin).get("__orig_bases__", origin.__bases__):
            # TypedDict stands among the bases, but is a function
            if isinstance(origin_of(base), type) and origin_of(base) not in _ROOTS:
                self._visit(substituted(base, arguments))
