"""What is known of a model: its fields, and the protocol through which another kind of model is taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from attrs import NOTHING, field, frozen

EMPTY: Mapping[str, Any] = {}


@frozen
class Field:
    """One field of a model.

    ``name`` is the key it has in data (an attrs field ``_x`` is ``x``, unless an alias says otherwise), ``type`` its
    annotation with every name resolved. ``default`` is `attrs.NOTHING` where there is none that can be told without
    running the model's code. ``validator`` and ``converter`` are those of an attrs field.
    """

    name: str
    type: Any = Any
    required: bool = True
    default: Any = field(factory=lambda: NOTHING, repr=False)
    description: str = ""
    title: str = ""
    secret: bool = False
    metadata: Mapping[str, Any] = field(default=EMPTY, repr=False)
    attribute: str = ""
    validator: Any = field(default=None, repr=False)
    converter: Any = field(default=None, repr=False)


@runtime_checkable
class ModelAdapter(Protocol):
    """How a kind of model that is no attrs class, dataclass or TypedDict is read, checked and written.

    A plugin gives adapters by the hook ``synapse_model_adapters``. Classes an adapter handles can be params, results
    and fields of other models. Adapters are asked before the built-in kinds.
    """

    def handles(self, cls: type) -> bool:
        """Whether ``cls`` is a model of this kind."""

    def structure(self, data: Mapping[str, Any], cls: type) -> Any:
        """The instance of ``cls`` that ``data`` describes.

        Raises:
            ValidationError: with every wrong field at once, their paths seen from ``data``.
        """

    def unstructure(self, obj: Any) -> Any:
        """The instance as a mapping from field name to value; values may be anything a `Schema` can unstructure."""

    def fields(self, cls: type) -> tuple[Field, ...]:
        """The fields of ``cls``, in order."""

    def json_schema(self, cls: type) -> dict[str, Any]:
        """The JSON Schema of ``cls``; definitions of its own under ``$defs``."""
