"""The way from data to models and back, for one session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

from synapse_core.errors import ValidationError
from synapse_core.schema.unstructuring import Unstructuring

if TYPE_CHECKING:
    from cattrs import Converter

    from synapse_core.schema.encoding import Encoding
    from synapse_core.schema.model import Field, ModelAdapter
    from synapse_core.schema.registry import Models
    from synapse_core.schema.structuring import Structuring

Extra = Literal["ignore", "forbid"]
Structurer = Callable[[Any], Any]


class Schema:
    """Structures, validates, unstructures and describes models.

    Models are attrs classes, dataclasses, TypedDicts, and whatever the adapters handle; ``dict`` and None stand for
    no model, any mapping. Nothing is coerced in silence: ``"1"`` is no int, ``1`` no bool, ``1.5`` no int (but
    ``1.0`` is). The keys of an attrs class are the names of its ``__init__`` arguments.

    In a union the plain JSON type wins where JSON cannot tell: text for ``Path | str`` stays text. Models of one
    union are told apart by Literal fields, then by which fields there are, and where they have the same fields by a
    key ``_type`` with the class's name, which `unstructure` writes.

    Args:
        adapters: other kinds of models, asked before the built-in ones.
        configure: functions that are given each cattrs converter made, to register hooks for types of their own.
    """

    def __init__(
        self, adapters: Iterable[ModelAdapter] = (), configure: Iterable[Callable[[Converter], object]] = ()
    ) -> None:
        self._adapters = tuple(adapters)
        self._configure = tuple(configure)
        self._structurings: dict[tuple[bool, bool], Structuring] = {}
        self._unstructuring = Unstructuring(self._encoder)

    def structure(self, data: Mapping[str, Any], model: Any, *, subject: str = "value", extra: Extra = "ignore") -> Any:
        """The instance of ``model`` that ``data`` describes; ``subject`` says in errors what the data is.

        With ``extra="forbid"`` keys that are no fields are wrong, else they are left out. Any other type may be
        given for ``model`` as well, and data for it.

        Raises:
            ValidationError: with every wrong field at once.
        """
        hook = self._hook(model, extra)
        try:
            return hook(data, model)
        except Exception:  # noqa: BLE001, S110  told by `_explain`, and not chained: it may show a secret
            pass
        return self._explain(data, model, extra, subject)

    def structurer(self, model: Any, *, subject: str = "value", extra: Extra = "ignore") -> Structurer:
        """`structure` for one model, without the looking up: for whoever does it often."""
        hook = self._hook(model, extra)

        def structure(data: Any) -> Any:
            try:
                return hook(data, model)
            except Exception:  # noqa: BLE001, S110  as above
                pass
            return self._explain(data, model, extra, subject)

        return structure

    def unstructure(self, value: Any, *, subject: str = "value") -> Any:
        """The value as JSON data: dicts with text for keys, lists, text, numbers, bools and None; always a copy.

        Models become dicts of their fields; paths, dates, UUIDs, Decimals, Enums and bytes become text or numbers,
        sets become lists in a fixed order. NaN and the infinities are refused, as JSON has none.

        Raises:
            UnserializableError: with everything in it that does not survive as JSON.
        """
        return self._unstructuring(value, subject)

    def merged(self, value: Any, data: Any) -> dict[str, Any] | None:
        """What a result adds to the params of what follows: the fields of a mapping or a model; None if it is neither.

        Args:
            value: the result.
            data: the same as JSON data; a model that a plugin writes as text, say, has no fields.
        """
        if type(data) is not dict:
            return None
        return data if type(value) is dict or isinstance(value, Mapping) or self.is_model(type(value)) else None

    def fields(self, model: Any) -> tuple[Field, ...]:
        """The fields of a model, in order; none where there is no model.

        Raises:
            SynapseError: an annotation names a type that cannot be found.
        """
        return self._models.fields(model)

    def names(self, model: type) -> frozenset[str]:
        """The names of a model's fields.

        Raises:
            SynapseError: as `fields`.
        """
        return self._models.names(model)

    def json_schema(self, model: Any) -> dict[str, Any]:
        """The JSON Schema (2020-12) of a model, or of any type."""
        from synapse_core.schema.described import json_schema

        return json_schema(self._models, self.unstructure, model)

    def ui_schema(self, model: Any) -> list[dict[str, Any]]:
        """FormKit schema nodes for the fields of a model; a field's ``metadata["ui"]`` is put over its node."""
        from synapse_core.schema.forms import ui_schema

        return ui_schema(self._models, self.unstructure, model)

    def is_model(self, cls: Any) -> bool:
        """Whether ``cls`` is a class with fields that data can be structured into."""
        return self._models.is_model(cls)

    def handles(self, wanted: Any) -> bool:
        """Whether data can be made into values of the type: a model, None for no model, or a type known otherwise."""
        from synapse_core.schema.kinds import Kind, classify

        shape = classify(wanted)
        if shape.kind not in (Kind.CLASS, Kind.OTHER) or self.is_model(shape.type):
            return True
        return bool(self._configure) and self._structuring(False, False).converter.structures(wanted)

    @cached_property
    def _models(self) -> Models:
        from synapse_core.schema.registry import Models

        return Models(self._adapters)

    def _structuring(self, detailed: bool, forbid: bool) -> Structuring:
        known = self._structurings.get((detailed, forbid))
        if known is None:
            from synapse_core.schema.structuring import Structuring

            known = Structuring(self._models, self._configure, detailed=detailed, forbid=forbid)
            known = self._structurings.setdefault((detailed, forbid), known)
        return known

    def _hook(self, model: Any, extra: Extra, *, detailed: bool = False) -> Callable[[Any, Any], Any]:
        if model is None or model is dict:
            return _read_mapping
        return self._structuring(detailed, extra == "forbid").hook(model)

    def _explain(self, data: Any, model: Any, extra: Extra, subject: str) -> Any:
        """Structures once more, finding out everything that is wrong."""
        from synapse_core.schema.problems import attempt, issues_of
        from synapse_core.schema.secrecy import without_secrets

        made, problems = attempt(self._hook(model, extra, detailed=True), data, model)
        if problems:
            raise ValidationError(subject, issues_of(without_secrets(problems, self._models, data, model)))
        return made

    def _encoder(self, cls: type) -> Callable[[Any], Any]:
        return self._encoding.of_class(cls)

    @cached_property
    def _encoding(self) -> Encoding:
        from synapse_core.schema.encoding import Encoding

        converter = self._structuring(False, False).converter if self._configure else None
        return Encoding(self._models, converter, self.unstructure)


def _read_mapping(data: Any, _: Any) -> dict[str, Any]:
    """What stands for no model: any mapping."""
    if type(data) is dict or isinstance(data, Mapping):
        return dict(data)
    from synapse_core.schema.problems import mismatch

    raise mismatch(dict, data)


@cache
def default_schema() -> Schema:
    """The schema that is shared where nobody made one: no adapters, no hooks."""
    return Schema()
