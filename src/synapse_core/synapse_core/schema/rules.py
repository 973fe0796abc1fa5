"""Reads constraints from where they are written: attrs validators, and ``Annotated``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from attrs import validators

from synapse_core.schema.constraints import (
    Bound,
    Constraint,
    Each,
    EachPair,
    InstanceOf,
    Length,
    Matches,
    Maybe,
    MultipleOf,
    OneOf,
    Opaque,
)

Validator = Callable[[Any, Any, Any], Any]

# attrs does not name the classes of its validators in public
_AND: Any = type(validators.and_())
_OPTIONAL: Any = type(validators.optional(validators.ge(0)))
_BOUND: Any = type(validators.ge(0))
_MOST: Any = type(validators.max_len(0))
_LEAST: Any = type(validators.min_len(0))
_IN: Any = type(validators.in_(()))
_MATCHES: Any = type(validators.matches_re(""))
_DEEP_ITEMS: Any = type(validators.deep_iterable(validators.ge(0)))
_DEEP_PAIRS: Any = type(validators.deep_mapping(validators.ge(0)))
_INSTANCE: Any = type(validators.instance_of(int))
_OF_ATTRS = "attr.validators"


def from_validator(validator: Any, attribute: Any) -> tuple[Constraint, ...]:
    """The constraints an attrs validator stands for; ``attribute`` is the field it belongs to."""
    if validator is None:
        return ()
    if isinstance(validator, _AND):
        return tuple(rule for part in validator._validators for rule in from_validator(part, attribute))
    read = _READERS.get(type(validator))
    return read(validator, attribute) if read is not None else (Opaque(validator, attribute),)


def _deep_items(validator: Any, attribute: Any) -> tuple[Constraint, ...]:
    each = Each(from_validator(validator.member_validator, attribute))
    return (*from_validator(validator.iterable_validator, attribute), each)


def _deep_pairs(validator: Any, attribute: Any) -> tuple[Constraint, ...]:
    keys = from_validator(validator.key_validator, attribute)
    values = from_validator(validator.value_validator, attribute)
    return (*from_validator(validator.mapping_validator, attribute), EachPair(keys, values))


_READERS: dict[Any, Callable[[Any, Any], tuple[Constraint, ...]]] = {
    _OPTIONAL: lambda v, attribute: (Maybe(from_validator(v.validator, attribute)),),
    _BOUND: lambda v, attribute: (Bound(v.compare_op, v.bound),),
    _MOST: lambda v, attribute: (Length(True, v.max_length),),
    _LEAST: lambda v, attribute: (Length(False, v.min_length),),
    _IN: lambda v, attribute: (OneOf(v.options),),
    _MATCHES: lambda v, attribute: (Matches(v.pattern, v.match_func.__name__),),
    _INSTANCE: lambda v, attribute: (InstanceOf(v.type),),
    MultipleOf: lambda v, attribute: (v,),
    _DEEP_ITEMS: _deep_items,
    _DEEP_PAIRS: _deep_pairs,
}

VALUE = SimpleNamespace(name="value")
"""Stands for the field where a validator is in ``Annotated`` and there is none."""

_SAID: dict[str, Callable[[Any], Validator]] = {
    "ge": validators.ge,
    "gt": validators.gt,
    "le": validators.le,
    "lt": validators.lt,
    "multiple_of": MultipleOf,
    "min_length": validators.min_len,
    "max_length": validators.max_len,
}


def from_metadata(metadata: Iterable[Any]) -> tuple[Constraint, ...]:
    """The constraints in ``Annotated``."""
    return tuple(rule for validator in validators_in(metadata) for rule in from_validator(validator, VALUE))


def validators_in(metadata: Iterable[Any]) -> Iterator[Validator]:
    """What checks the constraints in ``Annotated``: attrs validators there, and those for what other objects say.

    Such objects are those of the annotated-types package, and anything of their shape: with ``ge``, ``max_length`` …
    """
    for part in metadata:
        if isinstance(part, _AND) or type(part).__module__ == _OF_ATTRS:
            yield part
        elif not isinstance(part, (str, type)):
            limits = ((make, getattr(part, name, None)) for name, make in _SAID.items())
            yield from (make(limit) for make, limit in limits if limit is not None and not callable(limit))
