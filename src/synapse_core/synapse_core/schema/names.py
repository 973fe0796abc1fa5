"""How types and values are named in messages."""

from __future__ import annotations

import reprlib
from typing import Any, get_args, get_origin

from synapse_core.schema.kinds import Kind, Wanted, classify

_LONGEST = 80


def type_name(wanted: Any) -> str:
    """The type as people say it: ``int or None``, ``list[Layer]``, ``'a' or 'b'``."""
    shape = classify(wanted)
    if shape.kind is Kind.UNION:
        return " or ".join(dict.fromkeys(type_name(arg) for arg in shape.args))
    if shape.kind is Kind.LITERAL:
        return " or ".join(shown(arg) for arg in shape.args)
    return {Kind.ANY: "anything", Kind.NONE: "None"}.get(shape.kind) or _class_name(shape)


def _class_name(shape: Wanted) -> str:
    base = get_origin(shape.type) or shape.type
    name = getattr(base, "__qualname__", None) or str(base)
    inner = [_argument(arg) for arg in get_args(shape.type)]
    return f"{name.rpartition('<locals>.')[2]}[{', '.join(inner)}]" if inner else name.rpartition("<locals>.")[2]


def _argument(arg: Any) -> str:
    if arg is Ellipsis:
        return "..."
    return f"[{', '.join(map(type_name, arg))}]" if isinstance(arg, list) else type_name(arg)


def found_name(value: Any) -> str:
    """The name of a value's type: ``str``, ``numpy.ndarray``; None is itself."""
    if value is None:
        return "None"
    cls = type(value)
    name = cls.__qualname__.rpartition("<locals>.")[2]
    package = cls.__module__.partition(".")[0]
    return name if package in ("builtins", "__main__") else f"{package}.{name}"


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 60
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() < 4_000 else f"<int of {x.bit_length()} bits>"


def shown(value: Any) -> str:
    """``repr`` of the value, short whatever its size; never raises."""
    try:
        text = _Short().repr(value)
    except Exception:  # noqa: BLE001  a value's own __repr__ may do anything
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
