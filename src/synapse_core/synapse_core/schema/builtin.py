"""The kinds of models that are known without a plugin: attrs classes, dataclasses and TypedDicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import cleandoc
from typing import Any, NotRequired, Required, get_origin

import attrs
from attrs import NOTHING

from synapse_core.schema.generics import TypeArguments, annotations_of, origin_of, unresolved
from synapse_core.schema.kinds import unwrap
from synapse_core.schema.markers import Help, Secret, Title
from synapse_core.schema.model import EMPTY, Field

_EMPTY_CONTAINERS = (list, dict, set, tuple, frozenset, str)


def reader_of(cls: Any) -> Callable[[Any], Iterator[Field]] | None:
    """What reads the fields of a class of a built-in kind; None where it is of none."""
    origin = origin_of(cls)
    if not isinstance(origin, type):
        return None
    if attrs.has(origin):
        return _attrs_fields
    if hasattr(origin, "__dataclass_fields__"):
        return _dataclass_fields
    return _typeddict_fields if is_typed_dict(origin) else None


def is_typed_dict(cls: Any) -> bool:
    """Whether ``cls`` is a TypedDict, of the standard library or of typing_extensions."""
    return isinstance(cls, type) and issubclass(cls, dict) and hasattr(cls, "__required_keys__")


def _attrs_fields(cls: Any) -> Iterator[Field]:
    origin, arguments = origin_of(cls), TypeArguments(cls)
    try:
        attrs.resolve_types(origin, localns={origin.__name__: origin})
    except NameError as error:
        raise unresolved(origin, error) from error
    for a in attrs.fields(origin):
        if a.init:
            wanted = arguments.of(a.name, Any if a.type is None else a.type)
            made = _field(a.alias, wanted, _default(a.default), a.metadata)
            yield attrs.evolve(made, attribute=a.name, validator=a.validator, converter=a.converter)


def _dataclass_fields(cls: Any) -> Iterator[Field]:
    import dataclasses

    origin, arguments = origin_of(cls), TypeArguments(cls)
    types = annotations_of(origin)
    for f in dataclasses.fields(origin):
        if f.init:
            default = f.default if f.default_factory is dataclasses.MISSING else attrs.Factory(f.default_factory)
            default = NOTHING if default is dataclasses.MISSING else _default(default)
            yield _field(f.name, arguments.of(f.name, types[f.name]), default, f.metadata)


def _typeddict_fields(cls: Any) -> Iterator[Field]:
    origin, arguments = origin_of(cls), TypeArguments(cls)
    for name, wanted in annotations_of(origin).items():
        made = _field(name, arguments.of(name, wanted), NOTHING, EMPTY)
        yield attrs.evolve(made, required=_is_required(origin, name, wanted))


def _is_required(cls: Any, name: str, wanted: Any) -> bool:
    """Whether a key has to be there; the class's own sets are wrong where annotations are text."""
    marks = (Required, NotRequired)
    if get_origin(wanted) in marks:
        return get_origin(wanted) is Required
    return name in cls.__required_keys__


class _Unknown:
    """A default that only running the model's code would tell."""

    def __repr__(self) -> str:
        return "(made when needed)"


_UNKNOWN = _Unknown()


def _default(default: Any) -> Any:
    """The default; of a factory only where it is a class that makes something empty."""
    if not isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return default
    return default.factory() if default.factory in _EMPTY_CONTAINERS and not default.takes_self else _UNKNOWN


def _field(name: str, wanted: Any, default: Any, metadata: Mapping[Any, Any]) -> Field:
    said = unwrap(wanted)[1]
    return Field(
        name=name,
        type=wanted,
        required=default is NOTHING,
        default=NOTHING if default is _UNKNOWN else default,
        description=metadata.get("description") or metadata.get("help") or _described(said),
        title=metadata.get("title") or next((part.text for part in said if isinstance(part, Title)), ""),
        secret=bool(metadata.get("secret")) or any(part is Secret or isinstance(part, Secret) for part in said),
        metadata=metadata,
        attribute=name,
    )


def _described(said: tuple[Any, ...]) -> str:
    """The description in ``Annotated``: text, `Help`, or the standard ``Doc``."""
    for part in said:
        text = part if isinstance(part, str) else getattr(part, "documentation", None)
        text = part.text if isinstance(part, Help) else text
        if isinstance(text, str):
            return text
    return ""


def description_of(cls: Any) -> str:
    """The class's docstring, unless a dataclass made it up."""
    doc = vars(origin_of(cls)).get("__doc__") or ""
    return "" if doc.startswith(f"{origin_of(cls).__name__}(") else cleandoc(doc)
