"""The small expressions of a `Node`: ``each``, ``inputs`` and ``when``, parsed once and evaluated on plain data."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import frozen

from synapse_core.errors import PipelineError, nearest

PARAMS = "params"
"""What ``inputs`` call the initial params; no node may be named so."""

_EACH = re.compile(r"\s*(?:(\w[\w-]*)\s+in\s+)?(\w[\w-]*)\s*")
_PATH = re.compile(r"[^\s.]+(?:\.[^\s.]+)*")


@frozen
class Each:
    """``file in files``: every item of the list ``source`` is given to an instance as ``item``."""

    item: str
    source: str


def parse_each(text: Any) -> Each:
    """Read ``"files"`` (each instance gets its item as ``files``) or ``"file in files"``.

    Raises:
        PipelineError: it is neither.
    """
    found = _EACH.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[2] == "in":
        raise PipelineError(f"each must be 'files' or 'file in files', got {text!r}")
    return Each(found[1] or found[2], found[2])


@frozen
class Binding:
    """Where a bound param comes from: a node's result, or the initial params where ``node`` is None.

    Each part of ``path`` leads one step further into the data: a key of a mapping, or the index of a list's item.
    """

    text: str
    node: str | None
    path: tuple[str, ...]


def parse_binding(text: Any, nodes: Collection[str]) -> Binding:
    """Read ``"train.weights_path"``, ``"train"`` (the whole result) or ``"params.seed"`` (an initial param).

    A node's name may have dots in it, so the longest name that fits is the one that is meant.

    Raises:
        PipelineError: it is no such path, or names no node; the message says which is near.
    """
    if not isinstance(text, str) or not all(map(str.strip, text.split("."))):
        raise PipelineError(f"a binding is a text such as 'train.weights_path' or 'params.seed', got {text!r}")
    parts = text.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in nodes:
            return Binding(text, name, tuple(parts[length:]))
    if parts[0] != PARAMS:
        raise PipelineError(f"{text!r} names no node{guess(parts[0], nodes)}")
    if len(parts) == 1:
        raise PipelineError("'params' alone is no binding; say which initial param, as in 'params.seed'")
    return Binding(text, None, tuple(parts[1:]))


def follow(data: Any, path: Sequence[str], subject: str) -> Any:
    """The value that ``path`` leads to inside ``data``, which is called ``subject`` when it leads nowhere.

    Raises:
        PipelineError: there is no such key or item; the message says which step failed and what is near.
    """
    for step in path:
        data = _step(data, step, subject)
        subject = f"{subject}.{step}"
    return data


def _step(data: Any, step: str, subject: str) -> Any:
    if isinstance(data, Mapping):
        if step in data:
            return data[step]
        raise PipelineError(f"{subject} has no {step!r}{guess(step, [key for key in data if isinstance(key, str)])}")
    if isinstance(data, list | tuple):
        if not step.isdecimal():
            raise PipelineError(f"{subject} is a list, whose items have numbers, so it has no {step!r}")
        if int(step) < len(data):
            return data[int(step)]
        raise PipelineError(f"{subject} has {len(data)} items, so none with the number {step}")
    raise PipelineError(f"{subject} is {_a(data)}, so it has no {step!r}")


@frozen
class Condition:
    """``when`` as text: a dotted path into the params, turned round by ``not``."""

    path: tuple[str, ...]
    negated: bool = False

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Whether the param is there and true (or, negated, is not)."""
        data: Any = params
        for step in self.path:
            data = data.get(step) if isinstance(data, Mapping) else None
        return bool(data) is not self.negated


def parse_when(text: str) -> Condition:
    """Read ``"augment"``, ``"options.augment"`` or ``"not augment"``.

    Raises:
        PipelineError: it is none of these.
    """
    words = text.split()
    negated = len(words) == 2 and words[0] == "not"
    if len(words) != 1 + negated or not _PATH.fullmatch(words[-1]) or words[-1] == "not":
        raise PipelineError(f"when must be a key of the params, 'not key', or a function of the params, got {text!r}")
    return Condition(tuple(words[-1].split(".")), negated)


def is_entrypoint(when: str) -> bool:
    """Whether a ``when`` text names a function (``pkg.mod:function``) and not a param."""
    return ":" in when


def guess(name: str, known: Collection[str]) -> str:
    """The end of a message on an unknown name: what was meant, or what there is."""
    close = nearest(name, known)
    if close:
        return f"; did you mean {close!r}?"
    names = sorted(known)
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"; there are: {', '.join(names[:8]) or 'none'}{more}"


def _a(data: Any) -> str:
    return "None" if data is None else f"of type {type(data).__name__}"
