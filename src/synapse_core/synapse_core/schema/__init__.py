"""Data in, models out, and back: structure, validate, unstructure, describe.

`Schema` does it all for one session; `default_schema` is there where nobody made one. A new kind of model comes by a
`ModelAdapter`, single types by hooks on the cattrs converter (``configure``). ::

    @attrs.frozen
    class TrainParams:
        epochs: int = attrs.field(default=10, validator=attrs.validators.ge(1), metadata={"description": "passes"})
        rate: Annotated[float, attrs.validators.gt(0), Help("step size")] = 0.1
        token: str = attrs.field(default="", metadata={"secret": True})

    params = Schema().structure({"epochs": 3}, TrainParams, subject="params of train")

cattrs is imported when something is structured for the first time.
"""

from __future__ import annotations

from typing import Any

from synapse_core.schema.canonical import canonical_json, inputs_hash
from synapse_core.schema.markers import Help, Secret, Title
from synapse_core.schema.model import Field, ModelAdapter
from synapse_core.schema.schema import Schema, default_schema

__all__ = [
    "Field",
    "Help",
    "ModelAdapter",
    "Schema",
    "Secret",
    "Title",
    "canonical_json",
    "default_schema",
    "fields",
    "inputs_hash",
    "is_model",
    "parse_text",
    "type_name",
]


def fields(model: Any) -> tuple[Field, ...]:
    """The fields of a model of a built-in kind; a session's own `Schema` knows those of its plugins too."""
    return default_schema().fields(model)


def is_model(cls: Any) -> bool:
    """Whether ``cls`` is a model of a built-in kind; a session's own `Schema` knows those of its plugins too."""
    return default_schema().is_model(cls)


def parse_text(text: str, wanted: Any, *, path: str = "") -> Any:
    """The JSON data that typed text means for a field of the type ``wanted``, as of ``-p epochs=3``.

    Numbers, ``true``/``false``/``yes``/``no``/``on``/``off`` and ``null`` are read; collections and models are
    written in JSON; text stays as it is where text will do. `Schema.structure` takes it from there.

    Raises:
        ValidationError: the text means no value of that type; the issue is at ``path``.
    """
    from synapse_core.schema.text import parse_text

    return parse_text(text, wanted, path=path)


def type_name(wanted: Any) -> str:
    """The type as people say it: ``int or None``, ``list[Layer]``, ``'a' or 'b'``."""
    from synapse_core.schema.names import type_name

    return type_name(wanted)
