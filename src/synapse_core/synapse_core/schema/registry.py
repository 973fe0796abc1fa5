"""Which classes are models, and what their fields are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from synapse_core.schema.builtin import reader_of
from synapse_core.schema.model import Field, ModelAdapter


class Models:
    """The kinds of models of one session: the adapters', then the built-in ones."""

    def __init__(self, adapters: Iterable[ModelAdapter] = ()) -> None:
        self._adapters = tuple(adapters)
        self._fields: dict[Any, tuple[Field, ...]] = {}
        self._names: dict[Any, frozenset[str]] = {}

    def adapter(self, cls: Any) -> ModelAdapter | None:
        """The adapter that handles ``cls``, if one does."""
        if not self._adapters or not isinstance(cls, type):
            return None
        return next((adapter for adapter in self._adapters if adapter.handles(cls)), None)

    def is_model(self, cls: Any) -> bool:
        """Whether ``cls`` is a class with fields that data can be structured into."""
        return self.adapter(cls) is not None or reader_of(cls) is not None

    def fields(self, cls: Any) -> tuple[Field, ...]:
        """The fields of a model, in order; none of anything else.

        Raises:
            SynapseError: an annotation names a type that cannot be found.
        """
        if not self.is_model(cls):
            return ()
        known = self._fields.get(cls)
        if known is None:
            known = self._fields[cls] = self._read(cls)
        return known

    def names(self, cls: Any) -> frozenset[str]:
        """The names of the fields of a model, worked out once.

        Raises:
            SynapseError: as `fields`.
        """
        known = self._names.get(cls)
        if known is None:
            known = self._names[cls] = frozenset(field.name for field in self.fields(cls))
        return known

    def encodable(self, cls: type) -> bool:
        """Whether instances of ``cls`` are written by the fields of a built-in kind."""
        return self.adapter(cls) is None and reader_of(cls) is not None

    def _read(self, cls: Any) -> tuple[Field, ...]:
        adapter = self.adapter(cls)
        if adapter is not None:
            return tuple(adapter.fields(cls))
        reader = reader_of(cls)
        return tuple(reader(cls)) if reader is not None else ()
