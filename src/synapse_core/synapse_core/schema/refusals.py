"""Says everything in a value that is no JSON data; slow and careful, for when it is known that there is something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from math import isfinite
from typing import Any

from synapse_core.errors import UnserializableError
from synapse_core.schema.names import found_name
from synapse_core.schema.problems import MOST_ISSUES, Problem, issues_of
from synapse_core.schema.unstructuring import DEEPEST

HINT = "save it as a file under ctx.work_dir (or the artifacts folder) and return its path"

_WANTED = "JSON data"
Path = tuple[str | int, ...]
Found = Problem | tuple[Any, Path, tuple[int, ...]]
"""Something wrong, or a value to look at: with its path, and the ids of what it is inside of."""


def refusals(subject: str, value: Any, encode: Callable[[Any], Any], failure: Exception) -> UnserializableError:
    """The error that names every place in the value that is no JSON data.

    ``encode`` is that of `Unstructuring`; ``failure`` is what it failed with, should nothing be found.
    """
    search = _Search(encode)
    problems: list[Problem] = []
    try:
        problems += islice(search.problems(value), MOST_ISSUES + 1)
    except Exception as error:  # noqa: BLE001  a value that changes, or breaks, while it is looked at
        failure = error
    if not problems:
        problems = [Problem(f"cannot be read: {type(failure).__name__}: {failure}", wanted=_WANTED)]
    return UnserializableError(subject, issues_of(problems), hint=HINT if search.came_upon_objects else None)


class _Search:
    """Goes through a value without recursion, as it may be nested deeper than Python's stack."""

    def __init__(self, encode: Callable[[Any], Any]) -> None:
        self._encode = encode
        self.came_upon_objects = False

    def problems(self, value: Any) -> Iterator[Problem]:
        """What is wrong with the value and with everything in it."""
        levels = [self._look(value, (), ())]
        while levels:
            found = next(levels[-1], None)
            if found is None:
                levels.pop()
            elif isinstance(found, Problem):
                yield found
            else:
                levels.append(self._look(*found))

    def _look(self, value: Any, path: Path, within: tuple[int, ...]) -> Iterator[Found]:
        """What is found at one value, which is inside of the objects whose ids are ``within``."""
        if value is None or isinstance(value, (str, bool)):
            return
        if isinstance(value, (int, float)):
            yield from _number(value, path)
        elif id(value) in within:
            yield _problem("refers back to itself", value, path)
        elif len(path) > DEEPEST or len(within) > 2 * DEEPEST:
            yield _problem(f"is nested more than {DEEPEST} deep", value, path)
        else:
            yield from self._inside(value, path, (*within, id(value)))

    def _inside(self, value: Any, path: Path, within: tuple[int, ...]) -> Iterator[Found]:
        if isinstance(value, dict):
            for key, item in list(value.items()):
                yield (item, (*path, key), within) if isinstance(key, str) else _bad_key(key, path)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for index, item in enumerate(value):
                yield item, (*path, index), within
        else:
            yield self._other(value, path, within)

    def _other(self, value: Any, path: Path, within: tuple[int, ...]) -> Found:
        try:
            stand_in = self._encode(value)
        except Exception as error:  # noqa: BLE001  encoders run properties and hooks of anybody's
            return _problem(f"cannot be written as JSON data: {type(error).__name__}: {error}", value, path)
        if stand_in is not value:
            return stand_in, path, within
        self.came_upon_objects = True
        return _problem(_refusal(value), value, path)


def _bad_key(key: Any, path: Path) -> Problem:
    what = found_name(key)
    text = f"has a key of type {what}, but JSON's keys are text; declare the field as dict[{what}, ...]"
    return Problem(text, what, "str", path=path)


def _number(value: float, path: Path) -> Iterator[Problem]:
    try:
        if not isfinite(value):
            yield _problem(f"is {value}, which JSON has no number for; use None or text", value, path)
    except OverflowError:
        yield _problem("is an int of more than 300 digits; keep it as text", value, path)


def _refusal(value: Any) -> str:
    name = found_name(value)
    an = "an" if name[:1].lower() in "aeio" else "a"
    if name.startswith("numpy.") and getattr(value, "shape", None) == ():
        return f"is a {name}, no JSON data; value.item() is"
    if name.startswith("numpy."):
        return f"is a {name} of shape {getattr(value, 'shape', '?')}, no JSON data"
    return f"is {an} {name}, which does not survive being kept as JSON"


def _problem(text: str, value: Any, path: Path) -> Problem:
    return Problem(text, found_name(value), _WANTED, path=path)
