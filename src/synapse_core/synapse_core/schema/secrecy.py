"""Finds the values of secret fields, so that what others say of data can be told without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synapse_core.schema.kinds import Kind, classify
from synapse_core.schema.problems import Problem, attempt
from synapse_core.schema.registry import Models

_COLLECTIONS = (list, tuple, set, frozenset)


def without_secrets(problems: list[Problem], models: Models, data: Any, wanted: Any) -> list[Problem]:
    """The problems; of those in words not ours, the words that repeat a secret in the data are left out."""
    if not any(problem.foreign for problem in problems):
        return problems
    secrets, unread = attempt(lambda: set(_texts(list(secret_values(models, data, wanted)))) - {""})
    if unread:  # data that contains itself, or breaks when it is read
        return [problem.redacted() for problem in problems]
    return [problem.redacted() if any(text in problem.text for text in secrets) else problem for problem in problems]


def secret_values(models: Models, data: Any, wanted: Any) -> Iterator[Any]:
    """The values, anywhere in the data, of fields that are secret in ``wanted``."""
    shape = classify(wanted)
    if shape.kind is Kind.UNION:
        yield from (value for arg in shape.args for value in secret_values(models, data, arg))
    elif shape.kind is Kind.CLASS:
        yield from _of_fields(models, data, shape.type)
    elif isinstance(data, Mapping) and shape.kind is Kind.MAPPING:
        yield from (value for item in data.values() for value in secret_values(models, item, shape.args[1]))
    elif isinstance(data, _COLLECTIONS):
        yield from (value for arg in shape.args for item in data for value in secret_values(models, item, arg))


def _of_fields(models: Models, data: Any, model: Any) -> Iterator[Any]:
    for field in models.fields(model):
        value = data.get(field.name) if isinstance(data, Mapping) else getattr(data, field.attribute, None)
        if field.secret:
            yield value
        elif value is not None:
            yield from secret_values(models, value, field.type)


def _texts(value: Any) -> Iterable[str]:
    """How a value, or the values in it, may be repeated."""
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, _COLLECTIONS):
        return [text for item in value for text in _texts(item)]
    return [] if value is None else [str(value), repr(value).strip("'\"")]
