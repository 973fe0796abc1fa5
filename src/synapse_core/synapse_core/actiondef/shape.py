"""What a model is, as far as it makes a difference to results: `shape`."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, get_args

from synapse_core.actiondef.parsing import PARSING
from synapse_core.schema import Field, Schema, canonical_json, type_name

_TELLING = frozenset({"default", "factory", "default_factory", "converter"})
_FIELDS = frozenset({"field", "ib", "attrib", "Field"})


def shape(wanted: Any, schema: Schema) -> str:
    """The fields of a model, and of those in it: their names, types and defaults, without their descriptions.

    A default is taken as it is written, not as it came out: one that is worked out when its module is imported (a
    folder, a number of processors) is the same in every process.
    """
    found = list(_shapes(wanted, schema, set()))
    return canonical_json(found) if found else ""


def _shapes(wanted: Any, schema: Schema, seen: set[Any]) -> Iterator[list[Any]]:
    for inner in get_args(wanted):
        yield from _shapes(inner, schema, seen)
    if not schema.is_model(wanted) or wanted in seen:
        return
    seen.add(wanted)
    fields = schema.fields(wanted)
    defaults = _defaults(wanted, fields)
    yield [[field.name, type_name(field.type), field.required, defaults.get(_attribute(field))] for field in fields]
    for field in fields:
        yield from _shapes(field.type, schema, seen)


def _attribute(field: Field) -> str:
    return field.attribute or field.name


def _defaults(model: Any, fields: tuple[Field, ...]) -> dict[str, str]:
    """How the defaults are written, those in bases too; but for secret ones, and where there is no source."""
    names = {_attribute(field) for field in fields if not field.secret}
    found: dict[str, str] = {}
    for cls in reversed(getattr(model, "__mro__", ())):
        if names.isdisjoint(vars(cls).get("__annotations__", ())):
            continue
        for name, value in _assigned(cls):
            if name in names:
                found[name] = _written(value)
    return found


def _assigned(cls: type) -> Iterator[tuple[str, ast.expr]]:
    """What the body of a class gives its annotated names."""
    try:
        file = inspect.getsourcefile(cls) or ""
    except (OSError, TypeError):
        return
    linecache.checkcache(file)
    lines = linecache.getlines(file, vars(sys.modules[cls.__module__]))
    node = _classes("".join(lines)).get(cls.__qualname__)
    for each in node.body if node else ():
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value is not None:
            yield each.target.id, each.value


def _written(value: ast.expr) -> str:
    """The default as text; of ``field(default=3, metadata=…)`` only what makes a value."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in _FIELDS:
        told = [keyword for keyword in value.keywords if keyword.arg in _TELLING]
        value = ast.Call(value.func, value.args, told)
    return ast.unparse(value)


@lru_cache(maxsize=8)
def _classes(source: str) -> dict[str, ast.ClassDef]:
    """The classes of a module, by qualified name."""
    try:
        with PARSING:
            return dict(_within(ast.parse(source), ""))
    except (SyntaxError, ValueError):
        return {}


def _within(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            continue
        inner = prefix
        if isinstance(child, ast.ClassDef):
            yield prefix + child.name, child
            inner = f"{prefix}{child.name}."
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{prefix}{child.name}.<locals>."
        yield from _within(child, inner)
