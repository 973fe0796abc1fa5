"""What tells whether an action is still the one that made a result: `fingerprint`."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from typing import Any
from weakref import WeakKeyDictionary

from synapse_core.actiondef.parsing import PARSING
from synapse_core.actiondef.shape import shape
from synapse_core.actiondef.spec import ActionSpec
from synapse_core.schema import Schema

_known: WeakKeyDictionary[ActionSpec, str] = WeakKeyDictionary()


def fingerprint(spec: ActionSpec, schema: Schema) -> str:
    """The action's version if it declares one, else a digest of its code and models.

    Comments, docstrings and formatting change nothing. What the code calls elsewhere is not looked at: an action
    whose helpers change its results declares a ``version``.
    """
    found = _known.get(spec)
    if found is None:
        found = _known[spec] = spec.version or getattr(spec.load(), "version", "") or _digest(spec, schema)
    return found


def _digest(spec: ActionSpec, schema: Schema) -> str:
    parts = [_code(spec.load()), *(shape(model, schema) for model in (spec.params_model, spec.result_model))]
    return "code " + hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _code(target: Any) -> str:
    """The source without what changes nothing; empty where there is none to be had."""
    try:
        with PARSING:  # to find a class's source parses, too
            tree = ast.parse(textwrap.dedent(inspect.getsource(target)))
    except (OSError, TypeError, SyntaxError):
        return ""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            del body[0]
    return ast.unparse(tree)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
