"""Models as JSON Schema (2020-12): it accepts what `Schema.structure` accepts, as far as that can be said there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from attrs import NOTHING

from synapse_core.errors import UnserializableError
from synapse_core.schema.builtin import description_of
from synapse_core.schema.codecs import codec_of, enum_form, literal_form
from synapse_core.schema.constraints import Constraint, Each, EachPair, Maybe, merged, takes_none
from synapse_core.schema.generics import annotations_of
from synapse_core.schema.kinds import Kind, Wanted, classify
from synapse_core.schema.model import Field, ModelAdapter
from synapse_core.schema.names import type_name
from synapse_core.schema.registry import Models
from synapse_core.schema.rules import from_metadata, from_validator

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Rules = tuple[Constraint, ...]

_PLAIN: dict[Kind, dict[str, Any]] = {
    Kind.NONE: {"type": "null"},
    Kind.BOOL: {"type": "boolean"},
    Kind.INT: {"type": "integer"},
    Kind.FLOAT: {"type": "number"},
    Kind.STR: {"type": "string"},
}


def json_schema(models: Models, plain: Callable[[Any], Any], model: Any) -> dict[str, Any]:
    """The JSON Schema of a model, or of any type; ``plain`` unstructures defaults."""
    return _Builder(models, plain, model).root()


class _Builder:
    def __init__(self, models: Models, plain: Callable[[Any], Any], root: Any) -> None:
        self._models, self._plain, self._root = models, plain, root
        self._defs: dict[str, Any] = {}
        self._refs: dict[Any, str] = {root: "#"}

    def root(self) -> dict[str, Any]:
        """The whole schema, with the definitions it refers to."""
        if self._root is None:
            schema: dict[str, Any] = {"type": "object"}
        elif self._models.is_model(self._root):
            schema = self._model(self._root)
        else:
            schema = self._schema(self._root)
        return {"$schema": DIALECT, **schema, **({"$defs": self._defs} if self._defs else {})}

    def _schema(self, wanted: Any, rules: Rules = ()) -> dict[str, Any]:
        shape = classify(wanted)
        rules = (*from_metadata(shape.metadata), *rules)
        if shape.kind is Kind.UNION:
            return self._union(shape, rules)
        return merged([self._bare(shape, rules), *(rule.keywords(shape.kind) for rule in rules)])

    def _bare(self, shape: Wanted, rules: Rules) -> dict[str, Any]:
        if shape.kind in _PLAIN:
            return dict(_PLAIN[shape.kind])
        makers: dict[Kind, Callable[[Wanted, Rules], dict[str, Any]]] = {
            Kind.CODED: _coded,
            Kind.ENUM: _enum,
            Kind.LITERAL: lambda shape, _: {"enum": [literal_form(value) for value in shape.args]},
            Kind.SEQUENCE: self._items,
            Kind.SET: self._items,
            Kind.TUPLE: lambda shape, rules: self._fixed(shape.args, len(shape.args), rules),
            Kind.RECORD: self._record,
            Kind.MAPPING: self._mapping,
            Kind.CLASS: self._class,
        }
        make = makers.get(shape.kind)
        return make(shape, rules) if make is not None else {}

    def _union(self, shape: Wanted, rules: Rules) -> dict[str, Any]:
        inner = unwrapped(rules)
        parts: list[dict[str, Any]] = []
        for arg in shape.args:
            is_none = classify(arg).kind is Kind.NONE
            part = self._schema(arg, () if is_none else inner)
            if part not in parts and (not is_none or takes_none(rules)):
                parts.append(part)
        return parts[0] if len(parts) == 1 else {"anyOf": parts}

    def _items(self, shape: Wanted, rules: Rules) -> dict[str, Any]:
        items = self._schema(shape.args[0], _each(rules))
        return {"type": "array", **({"items": items} if items else {})}

    def _fixed(self, args: Iterable[Any], least: int, rules: Rules) -> dict[str, Any]:
        parts = [self._schema(arg, _each(rules)) for arg in args]
        prefix = {"prefixItems": parts} if parts else {}
        return {"type": "array", **prefix, "minItems": least, "maxItems": len(parts)}

    def _record(self, shape: Wanted, rules: Rules) -> dict[str, Any]:
        types = annotations_of(shape.type)
        names = shape.type._fields
        least = len(names) - len(shape.type._field_defaults)
        return self._fixed([types.get(name, Any) for name in names], least, rules)

    def _mapping(self, shape: Wanted, rules: Rules) -> dict[str, Any]:
        key_type, value_type = shape.args
        pairs = [rule for rule in rules if isinstance(rule, EachPair)]
        values = self._schema(value_type, tuple(rule for pair in pairs for rule in pair.values))
        names = self._names(key_type, tuple(rule for pair in pairs for rule in pair.keys))
        schema: dict[str, Any] = {"type": "object"}
        if values:
            schema["additionalProperties"] = values
        if names:
            schema["propertyNames"] = names
        return schema

    def _names(self, key_type: Any, rules: Rules) -> dict[str, Any]:
        """What the keys of a mapping have to be, as text."""
        shape = classify(key_type)
        if shape.kind is Kind.INT:
            return {"pattern": "^-?[0-9]+$"}
        if shape.kind is not Kind.STR:
            return {}
        schema = self._schema(key_type, rules)
        return {keyword: said for keyword, said in schema.items() if keyword != "type"}

    def _class(self, shape: Wanted, rules: Rules) -> dict[str, Any]:
        cls = shape.type
        if not self._models.is_model(cls):
            return {}
        if cls not in self._refs:
            name = self._free_name(re.sub(r"\W+", "_", type_name(cls)).strip("_"))
            self._refs[cls] = f"#/$defs/{name}"
            self._defs[name] = {}  # holds the place, while what is inside refers to it
            self._defs[name] = self._model(cls, self._refs[cls])
        return {"$ref": self._refs[cls]}

    def _free_name(self, name: str) -> str:
        number, free = 1, name
        while free in self._defs:
            number += 1
            free = f"{name}_{number}"
        return free

    def _model(self, cls: Any, ref: str = "#") -> dict[str, Any]:
        adapter = self._models.adapter(cls)
        if adapter is not None:
            return self._adapted(adapter, cls, ref)
        fields = self._models.fields(cls)
        schema: dict[str, Any] = {"title": type_name(cls), "type": "object"}
        if description := description_of(cls):
            schema["description"] = description
        schema["properties"] = {field.name: self._field(field) for field in fields}
        if required := [field.name for field in fields if field.required]:
            schema["required"] = required
        return schema

    def _field(self, field: Field) -> dict[str, Any]:
        schema = self._schema(field.type, from_validator(field.validator, None))
        for keyword, said in (("title", field.title), ("description", field.description)):
            if said:
                schema[keyword] = said
        if field.secret:
            return {**schema, "writeOnly": True}
        if field.default is not NOTHING:
            with suppress(UnserializableError):
                schema["default"] = self._plain(field.default)
        return schema

    def _adapted(self, adapter: ModelAdapter, cls: type, ref: str) -> dict[str, Any]:
        """An adapter's schema; its definitions are put among ours, under names that are free."""
        schema = dict(adapter.json_schema(cls))
        schema.pop("$schema", None)
        inner: Mapping[str, Any] = schema.pop("$defs", {})
        names: dict[str, str] = {}
        for name in inner:
            names[name] = self._free_name(name)
            self._defs[names[name]] = {}
        for name, definition in inner.items():
            self._defs[names[name]] = _renamed(definition, names, ref)
        renamed: dict[str, Any] = _renamed(schema, names, ref)
        return renamed


def unwrapped(rules: Rules) -> Rules:
    """The rules for a value that is not None."""
    return tuple(part for rule in rules for part in (rule.rules if isinstance(rule, Maybe) else (rule,)))


def _each(rules: Rules) -> Rules:
    return tuple(part for rule in rules if isinstance(rule, Each) for part in rule.rules)


def _coded(shape: Wanted, _: Rules) -> dict[str, Any]:
    codec = codec_of(shape.type)
    return dict(codec.schema) if codec is not None else {}


def _enum(shape: Wanted, _: Rules) -> dict[str, Any]:
    form = enum_form(shape.type)
    title = {"title": type_name(shape.type)}
    return {**title, "type": "integer"} if form.flag else {**title, "enum": list(form.forms.values())}


def _renamed(node: Any, names: Mapping[str, str], ref: str) -> Any:
    """A schema whose references into its own definitions are made to those in ours."""
    if isinstance(node, Mapping):
        renamed = {keyword: _renamed(said, names, ref) for keyword, said in node.items()}
        target = renamed.get("$ref")
        if target == "#":
            renamed["$ref"] = ref
        elif isinstance(target, str) and target.removeprefix("#/$defs/") in names:
            renamed["$ref"] = f"#/$defs/{names[target.removeprefix('#/$defs/')]}"
        return renamed
    return [_renamed(part, names, ref) for part in node] if isinstance(node, (list, tuple)) else node
