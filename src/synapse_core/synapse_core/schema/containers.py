"""Hooks for collections: lists, tuples, sets, mappings. Text is never taken for a list of characters."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from attrs import evolve

from synapse_core.schema.generics import annotations_of
from synapse_core.schema.kinds import Kind, Wanted, classify
from synapse_core.schema.problems import MOST_ISSUES, Problem, Problems, Segment, attempt, mismatch
from synapse_core.schema.scalars import Hook, read_any, read_str

Part = tuple[Segment, Any, Hook, Any]
"""Where a part of the data stands, the part, and the hook and type it is for."""


class Hooks(Protocol):
    """What a hook for a type with types inside is made with."""

    detailed: bool

    def hook(self, wanted: Any) -> Hook:
        """The hook for a type."""


def gather(parts: Iterable[Part]) -> list[Any]:
    """Every part read.

    Raises:
        Problems: with those of all the parts; of parts without end, as many as are shown.
    """
    values: list[Any] = []
    problems: list[Problem] = []
    for segment, part, hook, wanted in parts:
        if len(problems) > MOST_ISSUES:
            break
        value, found = attempt(hook, part, wanted)
        values.append(value)
        problems += [problem.under(segment) for problem in found]
    if problems:
        raise Problems(problems)
    return values


def sequence_hook(hooks: Hooks, shape: Wanted) -> Hook:
    """For lists, deques and tuples of any length."""
    return _items_hook(hooks, shape, (list, tuple, collections.deque))


def set_hook(hooks: Hooks, shape: Wanted) -> Hook:
    """For sets; data has them as lists, in which an item may come twice."""
    return _items_hook(hooks, shape, (list, tuple, set, frozenset))


def _items_hook(hooks: Hooks, shape: Wanted, takes: tuple[Any, ...]) -> Hook:
    wanted, build = shape.args[0], _builder(shape)
    item = hooks.hook(wanted)

    def read_items(value: Any, _: Any) -> Any:
        if not isinstance(value, takes):
            raise mismatch(shape.type, value)
        return build(value if item is read_any else [item(part, wanted) for part in value])

    def read_all_items(value: Any, _: Any) -> Any:
        if not isinstance(value, takes):
            raise mismatch(shape.type, value)
        return build(gather((index, part, item, wanted) for index, part in enumerate(value)))

    return read_all_items if hooks.detailed else read_items


def _builder(shape: Wanted) -> Callable[[Any], Any]:
    assert shape.build is not None  # what containers have
    return shape.build


def tuple_hook(hooks: Hooks, shape: Wanted) -> Hook:
    """For tuples of fixed length."""
    return _fixed_hook(hooks, shape.type, shape.args, len(shape.args), tuple)


def record_hook(hooks: Hooks, shape: Wanted) -> Hook:
    """For NamedTuples; data has them as lists."""
    types = annotations_of(shape.type)
    args = tuple(types.get(name, Any) for name in shape.type._fields)
    least = len(args) - len(shape.type._field_defaults)
    return _fixed_hook(hooks, shape.type, args, least, lambda items: shape.type(*items))


def _fixed_hook(hooks: Hooks, cls: Any, args: tuple[Any, ...], least: int, build: Callable[[Any], Any]) -> Hook:
    readers = [(hooks.hook(arg), arg) for arg in args]

    def read_fixed(value: Any, _: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise mismatch(cls, value)
        if not least <= len(value) <= len(readers):
            wanted = f"{least} to {len(readers)}" if least < len(readers) else str(least)
            raise Problems([Problem(f"expected {wanted} items, got {len(value)}", type(value).__name__)])
        parts = zip(value, readers, strict=False)
        return build(gather((index, part, *reader) for index, (part, reader) in enumerate(parts)))

    return read_fixed


def mapping_hook(hooks: Hooks, shape: Wanted) -> Hook:
    """For dicts and their kin; keys that are no text are read out of the text that JSON makes of them."""
    key_type, value_type = shape.args
    key, item, build = _key_reader(hooks, key_type), hooks.hook(value_type), _builder(shape)

    def read_mapping(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise mismatch(shape.type, value)
        return build({key(k, key_type): item(v, value_type) for k, v in value.items()})

    def read_whole_mapping(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise mismatch(shape.type, value)
        parts = ((_segment(k), (k, v), read_pair, None) for k, v in value.items())
        return build(dict(gather(parts)))

    def read_pair(pair: tuple[Any, Any], _: Any) -> Any:
        keys, problems = attempt(key, pair[0], key_type)
        values, more = attempt(item, pair[1], value_type)
        if problems or more:
            raise Problems([*(evolve(p, text=f"its key: {p.text}") for p in problems), *more])
        return keys, values

    return read_whole_mapping if hooks.detailed else read_mapping


def _segment(key: Any) -> Segment:
    return key if isinstance(key, str) else str(key)


def _key_reader(hooks: Hooks, key_type: Any) -> Hook:
    hook = hooks.hook(key_type)
    if hook is read_str or classify(key_type).kind is Kind.ANY:
        return hook

    def read_key(value: Any, wanted: Any) -> Any:
        try:
            return hook(value, wanted)
        except Exception as error:
            if isinstance(value, str):
                return hook(_parsed(value, error), wanted)
            raise

    return read_key


def _parsed(text: str, error: Exception) -> Any:
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise error from None
