"""`DataType`, and whether the output of one action fits the input of another."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, ClassVar

from synapse_core.errors import PipelineError

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class DataType:
    """What data means, beyond the Python type that carries it: the base of all semantic types.

    A subclass says more about what it is than its parent does. Where it leaves out ``name`` or ``description`` they
    come from the class's own name (``PointCloud``: ``point_cloud``) and the first line of its docstring.

    Attributes:
        name: How the type is called in a ``config.yaml``; unlike any other type's.
        format: How the data is laid out, such as ``coco``; None where that is left open. Inherited.
        description: One line for people.
    """

    name: ClassVar[str] = "data"
    format: ClassVar[str | None] = None
    description: ClassVar[str] = "Any data"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "name" not in own:
            cls.name = _WORD_STARTS.sub("_", cls.__name__).lower()
        if "description" not in own:
            cls.description = (own.get("__doc__") or "").strip().partition("\n")[0]


class Fit(StrEnum):
    """Whether an output goes into an input."""

    FITS = "fits"
    """The same type, or a subclass of the one that is wanted."""
    MAY_FIT = "may fit"
    """The output says less than the input wants: a superclass. Worth a warning."""
    DOES_NOT_FIT = "does not fit"
    UNSAID = "unsaid"
    """One side does not say what it is."""


def compatible(output: type[DataType] | None, wanted: type[DataType] | None) -> Fit:
    """Whether what one action gives (its ``output_type``) is what the next one wants (its ``input_type``).

    Raises:
        PipelineError: One of them is neither a `DataType` class nor None.
    """
    for given in (output, wanted):
        _check_type(given)
    if output is None or wanted is None:
        return Fit.UNSAID
    if issubclass(output, wanted):
        return Fit.FITS
    return Fit.MAY_FIT if issubclass(wanted, output) else Fit.DOES_NOT_FIT


def _check_type(given: Any) -> None:
    if given is not None and not (isinstance(given, type) and issubclass(given, DataType)):
        raise PipelineError(
            f"{given!r} is no semantic type",
            hint="input_type and output_type are None or classes from synapse_core.types (or subclasses of DataType)",
        )
