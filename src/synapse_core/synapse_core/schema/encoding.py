"""Shallow stand-ins, in JSON's types, for values of all other types: what `Unstructuring` asks for."""

from __future__ import annotations

import collections
import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from synapse_core.schema.builtin import is_typed_dict
from synapse_core.schema.canonical import canonical_json
from synapse_core.schema.codecs import codec_of, enum_form
from synapse_core.schema.generics import origin_of
from synapse_core.schema.kinds import Kind, Wanted, classify
from synapse_core.schema.names import type_name
from synapse_core.schema.registry import Models
from synapse_core.schema.unions import TAG
from synapse_core.schema.unstructuring import Encode, Refused

_BASES = (bool, int, float, str)


def _itself(value: Any) -> Any:
    return value


class Encoding:
    """Makes encoders, by the class of a value and by the type a field is declared with.

    ``converter`` gives the `RecordingConverter` that plugins configured, or None where none did.
    """

    def __init__(self, models: Models, converter: Any, plain: Encode) -> None:
        self._models, self._converter, self._plain = models, converter, plain

    def of_class(self, cls: type) -> Encode:
        """The encoder of the values of a class; it gives the value itself where there is none."""
        if self._converter is not None and self._converter.unstructures(cls):
            return cast("Encode", self._converter.get_unstructure_hook(cls))
        adapter = self._models.adapter(cls)
        if adapter is not None:
            return adapter.unstructure
        if self._models.encodable(cls):
            return self._of_model(cls)
        if issubclass(cls, enum.Enum):
            return enum_form(cls).encode
        codec = codec_of(cls)
        return codec.encode if codec is not None else self._of_base(cls)

    def _of_base(self, cls: type) -> Encode:
        """For classes of one's own over JSON's types, and for other collections."""
        base = next((base for base in _BASES if issubclass(cls, base)), None)
        if base is not None:
            return base if base is not str else str.__str__
        if issubclass(cls, Mapping):
            return dict
        if issubclass(cls, (set, frozenset)):
            return self._ordered
        return list if issubclass(cls, (list, tuple, collections.deque)) else _itself

    def _ordered(self, values: Iterable[Any]) -> list[Any]:
        """A set's items in an order that does not depend on hashes, so that equal sets are written alike."""
        items = list(values)
        kinds = set(map(type, items))
        if kinds <= {str} or kinds <= {int, float, bool}:
            return sorted(items)
        return sorted(items, key=lambda item: canonical_json(self._plain(item)))

    def _of_model(self, cls: Any) -> Encode:
        plan = [(f.name, f.attribute, self.of_type(f.type)) for f in self._models.fields(cls)]
        if all(encode is None for *_, encode in plan):
            pairs = [(name, attribute) for name, attribute, _ in plan]
            return lambda value: {name: getattr(value, attribute) for name, attribute in pairs}

        def encode_model(value: Any) -> dict[str, Any]:
            data = {}
            for name, attribute, encode in plan:
                item = getattr(value, attribute)
                data[name] = item if encode is None else encode(item)
            return data

        return encode_model

    def of_type(self, wanted: Any) -> Encode | None:
        """The encoder a declared type needs beyond that of the value's class; None where the class says it all.

        It leaves alone a value that is not of the declared type.
        """
        if self._converter is not None and not isinstance(wanted, type) and self._converter.unstructures(wanted):
            return cast("Encode", self._converter.get_unstructure_hook(wanted))
        shape = classify(wanted)
        if shape.type is not wanted:
            return self.of_type(shape.type)
        makers: dict[Kind, Callable[[Wanted], Encode | None]] = {
            Kind.SEQUENCE: self._items_encoder,
            Kind.SET: self._items_encoder,
            Kind.TUPLE: self._fixed_encoder,
            Kind.MAPPING: self._mapping_encoder,
            Kind.UNION: self._union_encoder,
            Kind.CLASS: self._class_encoder,
        }
        make = makers.get(shape.kind)
        return None if make is None else make(shape)

    def _class_encoder(self, shape: Wanted) -> Encode | None:
        """For a TypedDict, which no value says it is of, and a generic model, whose arguments no value knows."""
        cls = shape.type
        if is_typed_dict(origin_of(cls)):
            return _Late(lambda: self._typed_dict_encoder(cls))
        if origin_of(cls) is cls or not self._models.encodable(origin_of(cls)):
            return None
        encode = _Late(lambda: self._of_model(cls))
        return lambda value: encode(value) if type(value) is origin_of(cls) else value

    def _typed_dict_encoder(self, cls: Any) -> Encode:
        encoders = {f.name: self.of_type(f.type) for f in self._models.fields(cls)}
        known = {name: encode for name, encode in encoders.items() if encode is not None}

        def encode_typed_dict(value: Any) -> Any:
            if not known or not isinstance(value, dict):
                return value
            return {key: known[key](item) if key in known else item for key, item in value.items()}

        return encode_typed_dict

    def _items_encoder(self, shape: Wanted) -> Encode | None:
        item = self.of_type(shape.args[0])
        if item is None:
            return None
        if shape.kind is Kind.SET:
            return lambda value: self._ordered(map(item, value)) if isinstance(value, (set, frozenset)) else value
        takes = (list, tuple, collections.deque)
        return lambda value: [item(part) for part in value] if isinstance(value, takes) else value

    def _fixed_encoder(self, shape: Wanted) -> Encode | None:
        items = [self.of_type(arg) for arg in shape.args]
        if all(item is None for item in items):
            return None

        def encode_fixed(value: Any) -> Any:
            if not isinstance(value, tuple) or len(value) != len(items):
                return value
            return [part if item is None else item(part) for item, part in zip(items, value, strict=True)]

        return encode_fixed

    def _mapping_encoder(self, shape: Wanted) -> Encode | None:
        key_type, value_type = shape.args
        item = self.of_type(value_type)
        text = _key_kind(key_type)
        if item is None and text:
            return None

        def encode_mapping(value: Any) -> Any:
            if not isinstance(value, Mapping):
                return value
            keys = list(value) if text else [self._key(key) for key in value]
            if len(set(keys)) < len(value):
                raise Refused("two keys are the same as text")
            items = value.values() if item is None else map(item, value.values())
            return dict(zip(keys, items, strict=True))

        return encode_mapping

    def _key(self, key: Any) -> str:
        plain = self._plain(key)
        return plain if isinstance(plain, str) else canonical_json(plain)

    def _union_encoder(self, shape: Wanted) -> Encode | None:
        encoders = [encode for arg in shape.args if (encode := self.of_type(arg)) is not None]
        tags = self._tags([arg for arg in shape.args if self._models.is_model(classify(arg).type)])
        if not encoders and not tags:
            return None

        def encode_union(value: Any) -> Any:
            if type(value) in tags:
                return {TAG: tags[type(value)], **self.of_class(type(value))(value)}
            made = (encode(value) for encode in encoders)
            return next((stand_in for stand_in in made if stand_in is not value), value)

        return encode_union

    def _tags(self, models: list[Any]) -> dict[Any, str]:
        """The names to write for models of a union that have the same fields as another of it."""
        names = {model: frozenset(f.name for f in self._models.fields(classify(model).type)) for model in models}
        same = [model for model in models if list(names.values()).count(names[model]) > 1]
        return {origin_of(classify(model).type): type_name(model) for model in same}


class _Late:
    """An encoder made at its first use, for types that contain themselves."""

    def __init__(self, make: Callable[[], Encode]) -> None:
        self._make = make
        self._encode: Encode | None = None

    def __call__(self, value: Any) -> Any:
        if self._encode is None:
            self._encode = self._make()
        return self._encode(value)


def _key_kind(key_type: Any) -> bool:
    """Whether keys of the type are left as they are: text, or of a type that does not say how to read them back."""
    shape = classify(key_type)
    unread = shape.kind is Kind.UNION and any(classify(arg).kind is Kind.STR for arg in shape.args)
    return shape.kind in (Kind.STR, Kind.ANY) or unread
