"""What a type asks of the data: the one place that reads type annotations."""

from __future__ import annotations

import collections
import enum
import typing
from collections import abc
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, NotRequired, Required, TypeVar, get_args, get_origin

from attrs import frozen

from synapse_core.schema.codecs import codec_of, remembered
from synapse_core.schema.generics import substituted


class Kind(enum.Enum):
    """The kinds of types that data can be made into."""

    ANY = "any"
    NONE = "none"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"
    CODED = "coded"  # one JSON scalar by a codec: Path, datetime, bytes …
    ENUM = "enum"
    LITERAL = "literal"
    UNION = "union"
    SEQUENCE = "sequence"
    TUPLE = "tuple"  # of fixed length
    RECORD = "record"  # a NamedTuple
    SET = "set"
    MAPPING = "mapping"
    CLASS = "class"  # a model, or a class nobody has told how to make
    OTHER = "other"


@frozen
class Wanted:
    """A type, taken apart.

    ``type`` is it without ``Annotated``, ``NewType``, ``Final`` and aliases, ``metadata`` what ``Annotated`` said,
    ``args`` the types inside, and ``build`` makes a container from its items.
    """

    kind: Kind
    type: Any
    args: tuple[Any, ...] = ()
    build: Callable[[Any], Any] | None = None
    metadata: tuple[Any, ...] = ()

    @property
    def nullable(self) -> bool:
        """Whether None is among what the type takes."""
        return self.kind in (Kind.NONE, Kind.ANY) or (
            self.kind is Kind.UNION and any(classify(arg).nullable for arg in self.args)
        )


def classify(wanted: Any) -> Wanted:
    """The type, taken apart; total: what is not understood is of kind ``OTHER``."""
    try:
        return _cached(wanted)
    except TypeError:
        return _classify_unhashable(wanted)


def unwrap(wanted: Any) -> tuple[Any, tuple[Any, ...]]:
    """The bare type, and what ``Annotated`` says of it."""
    metadata: tuple[Any, ...] = ()
    while True:
        origin = get_origin(wanted)
        if origin is Annotated:
            metadata = (*wanted.__metadata__, *metadata)
            wanted = wanted.__origin__
        elif isinstance(wanted, NewType):
            wanted = wanted.__supertype__
        elif origin in (Final, Required, NotRequired, typing.ClassVar):
            wanted = get_args(wanted)[0]
        elif type(wanted).__name__ == "TypeAliasType":
            wanted = wanted.__value__
        elif isinstance(wanted, TypeVar):
            wanted = substituted(wanted, {})
        else:
            return wanted, metadata


_PLAIN: dict[Any, Kind] = {
    Any: Kind.ANY,
    object: Kind.ANY,
    Final: Kind.ANY,
    None: Kind.NONE,
    NoneType: Kind.NONE,
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STR,
}

_CONTAINERS: dict[Any, tuple[Kind, Callable[[Any], Any]]] = {
    list: (Kind.SEQUENCE, list),
    tuple: (Kind.SEQUENCE, tuple),
    collections.deque: (Kind.SEQUENCE, collections.deque),
    abc.MutableSequence: (Kind.SEQUENCE, list),
    abc.Sequence: (Kind.SEQUENCE, tuple),
    abc.Collection: (Kind.SEQUENCE, tuple),
    abc.Iterable: (Kind.SEQUENCE, tuple),
    set: (Kind.SET, set),
    frozenset: (Kind.SET, frozenset),
    abc.MutableSet: (Kind.SET, set),
    abc.Set: (Kind.SET, frozenset),
    dict: (Kind.MAPPING, dict),
    abc.Mapping: (Kind.MAPPING, dict),
    abc.MutableMapping: (Kind.MAPPING, dict),
    collections.OrderedDict: (Kind.MAPPING, collections.OrderedDict),
    collections.Counter: (Kind.MAPPING, collections.Counter),
    collections.defaultdict: (Kind.MAPPING, dict),
}


@remembered
def _cached(wanted: Any) -> Wanted:
    return _classify(wanted)


def _classify_unhashable(wanted: Any) -> Wanted:
    """What ``Annotated`` with metadata that has no hash wants, or something that is no type at all."""
    try:
        return _classify(wanted)
    except TypeError:
        return Wanted(Kind.OTHER, wanted)


def _classify(wanted: Any) -> Wanted:
    bare, metadata = unwrap(wanted)
    origin = get_origin(bare)
    if origin is Literal:
        return Wanted(Kind.LITERAL, bare, get_args(bare), metadata=metadata)
    if origin in (typing.Union, UnionType):
        return Wanted(Kind.UNION, bare, get_args(bare), metadata=metadata)
    container = _CONTAINERS.get(origin or bare)
    if container is not None:
        return _container(bare, origin or bare, *container, metadata)
    if origin is None:
        return Wanted(_kind_of_class(bare), bare, metadata=metadata)
    return Wanted(Kind.CLASS if isinstance(origin, type) else Kind.OTHER, bare, get_args(bare), metadata=metadata)


def _kind_of_class(bare: Any) -> Kind:
    if bare in _PLAIN:
        return _PLAIN[bare]
    if not isinstance(bare, type):
        return Kind.OTHER
    if issubclass(bare, enum.Enum):
        return Kind.ENUM
    if issubclass(bare, tuple) and hasattr(bare, "_fields"):
        return Kind.RECORD
    if codec_of(bare) is not None:
        return Kind.CODED
    return next((_PLAIN[base] for base in (int, float, str) if issubclass(bare, base)), Kind.CLASS)


def _container(bare: Any, origin: Any, kind: Kind, build: Callable[[Any], Any], metadata: tuple[Any, ...]) -> Wanted:
    args = get_args(bare)
    if origin is tuple and ((args and args[-1] is not Ellipsis) or bare == tuple[()]):
        return Wanted(Kind.TUPLE, bare, args, tuple, metadata)
    if kind is not Kind.MAPPING:
        return Wanted(kind, bare, args[:1] or (Any,), build, metadata)
    if origin is collections.Counter:
        return Wanted(kind, bare, (*(args or (Any,)), int), build, metadata)
    args = args or (Any, Any)
    if origin is collections.defaultdict:
        build = _default_dict(args[1])
    return Wanted(kind, bare, args, build, metadata)


def _default_dict(value_type: Any) -> Callable[[Any], Any]:
    factory = get_origin(value_type) or unwrap(value_type)[0]
    return lambda items: collections.defaultdict(factory if isinstance(factory, type) else None, items)
