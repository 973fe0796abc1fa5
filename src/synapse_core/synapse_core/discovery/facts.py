"""What the source of one module says of classes, decorated functions and imports, without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from inspect import cleandoc
from pathlib import Path
from typing import Any

from attrs import define, field

from synapse_core.actiondef.parsing import PARSING

LITERALS = frozenset({"action_name", "category", "description", "version", "params_model"})
NAMES = frozenset({"category", "params_model", "params"})


@define(eq=False)
class ClassFacts:
    """A class statement: its bases as they are written, and what its body says literally.

    ``executes`` is whether it defines ``execute``; False where that is abstract, None where it says nothing of it.
    ``params`` is what stands in the brackets of a base: ``BaseAction[TrainParams]``.
    """

    name: str
    line: int
    bases: list[str]
    params: str | None = None
    docstring: str = ""
    said: dict[str, str] = field(factory=dict)
    executes: bool | None = None


@define(eq=False)
class FunctionFacts:
    """A decorated function; ``said`` holds each decorator's literal arguments by the decorator's name."""

    name: str
    line: int
    decorators: dict[str, dict[str, str]]
    params: str | None
    docstring: str


@define(eq=False)
class ModuleFacts:
    """The top level of a module, blocks of ``if``, ``try`` and ``with`` in it included.

    ``imports`` are, by local name, the level (dots), the module and the name imported of it; ``aliases`` are names
    given to other names; ``stars`` are the modules of ``from … import *``.
    """

    file: Path
    name: str = ""
    root: str | None = None
    imports: dict[str, tuple[int, str, str]] = field(factory=dict)
    stars: list[tuple[int, str]] = field(factory=list)
    aliases: dict[str, str] = field(factory=dict)
    texts: dict[str, str] = field(factory=dict)
    classes: dict[str, ClassFacts] = field(factory=dict)
    functions: dict[str, FunctionFacts] = field(factory=dict)

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.file.stem == "__init__" else self.name.rpartition(".")[0]


def read_facts(source: bytes, file: Path) -> ModuleFacts:
    """The facts of a module's source.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is not Python, as `ast.parse` says.
    """
    facts = ModuleFacts(file)
    with PARSING:
        tree = ast.parse(source, str(file))
    _read_body(tree.body, facts)
    return facts


def _read_body(body: Iterable[ast.stmt], facts: ModuleFacts) -> None:
    for node in body:
        reader = _READERS.get(type(node))
        if reader is not None:
            reader(node, facts)


def _read_block(node: Any, facts: ModuleFacts) -> None:
    _read_body(node.body, facts)
    for handler in getattr(node, "handlers", ()):
        _read_body(handler.body, facts)
    _read_body(getattr(node, "orelse", ()), facts)
    _read_body(getattr(node, "finalbody", ()), facts)


def _read_import(node: ast.Import, facts: ModuleFacts) -> None:
    for alias in node.names:
        if alias.asname:
            facts.imports[alias.asname] = (0, alias.name, "")
        else:
            top = alias.name.partition(".")[0]
            facts.imports[top] = (0, top, "")


def _read_import_from(node: ast.ImportFrom, facts: ModuleFacts) -> None:
    for alias in node.names:
        if alias.name == "*":
            facts.stars.append((node.level, node.module or ""))
        else:
            facts.imports[alias.asname or alias.name] = (node.level, node.module or "", alias.name)


def _read_assign(node: ast.Assign, facts: ModuleFacts) -> None:
    target = node.targets[0]
    if not isinstance(target, ast.Name):
        return
    if isinstance(node.value, ast.Constant):
        if isinstance(node.value.value, str):
            facts.texts[target.id] = node.value.value
    elif isinstance(node.value, ast.Name | ast.Attribute):
        facts.aliases[target.id] = dotted_name(node.value)


def _read_class(node: ast.ClassDef, facts: ModuleFacts) -> None:
    found = ClassFacts(node.name, node.lineno, [])
    for base in node.bases:
        if isinstance(base, ast.Subscript):
            found.bases.append(dotted_name(base.value))
            found.params = found.params or written(base.slice)
        else:
            found.bases.append(dotted_name(base))
    found.docstring = _docstring(node.body)
    for statement in node.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            _read_class_value(statement, found, facts)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == "execute":
            found.executes = not any("abstractmethod" in dotted_name(each) for each in statement.decorator_list)
    facts.classes[node.name] = found


def _read_class_value(node: ast.Assign | ast.AnnAssign, found: ClassFacts, facts: ModuleFacts) -> None:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, ast.Name) and target.id in LITERALS:
        value = literal(node.value, facts, target.id)
        if value is not None:
            found.said[target.id] = value


def _read_function(node: ast.FunctionDef | ast.AsyncFunctionDef, facts: ModuleFacts) -> None:
    if not node.decorator_list:
        return
    decorators: dict[str, dict[str, str]] = {}
    for each in node.decorator_list:
        call = each if isinstance(each, ast.Call) else None
        decorators[dotted_name(call.func if call else each)] = _arguments(call, facts) if call else {}
    positional = [*node.args.posonlyargs, *node.args.args]
    params = written(positional[0].annotation) if positional and positional[0].annotation else None
    facts.functions[node.name] = FunctionFacts(node.name, node.lineno, decorators, params, _docstring(node.body))


def _arguments(call: ast.Call, facts: ModuleFacts) -> dict[str, str]:
    given = {word.arg: word.value for word in call.keywords if word.arg}
    if call.args:
        given.setdefault("name", call.args[0])
    read = {key: literal(value, facts, key) for key, value in given.items()}
    return {key: value for key, value in read.items() if value is not None}


def literal(node: ast.expr | None, facts: ModuleFacts, key: str) -> str | None:
    """What is said for a key: a text, a text constant of the module; for a class or an enum's member, its name."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    name = dotted_name(node)
    return facts.texts.get(name) or (name if name and key in NAMES else None)


def dotted_name(node: ast.expr | None) -> str:
    """``a.b.c`` of an expression; empty where it is anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted_name(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


def written(node: ast.expr) -> str:
    """An expression as it is written; a text (a forward reference) without its quotes."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return dotted_name(node) or ast.unparse(node)


def _docstring(body: list[ast.stmt]) -> str:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return cleandoc(first.value.value).strip()
    return ""


_READERS: dict[type[ast.stmt], Callable[[Any, ModuleFacts], None]] = {
    ast.Import: _read_import,
    ast.ImportFrom: _read_import_from,
    ast.Assign: _read_assign,
    ast.ClassDef: _read_class,
    ast.FunctionDef: _read_function,
    ast.AsyncFunctionDef: _read_function,
    ast.If: _read_block,
    ast.Try: _read_block,
    ast.TryStar: _read_block,
    ast.With: _read_block,
}
