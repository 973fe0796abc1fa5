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


def refusals(subject: str, value: Any, encode: Callable[[Any], Any], failure: Exception) -> UnserializableError:
    """The error that names every place in the value that is no JSON data.

    ``encode`` is that of `Unstructuring`; ``failure`` is what it failed with, should nothing be found.
    """
    search = _Search(encode)
    problems: list[Problem] = []
    try:
        problems += islice(search.problems(value, (), ()), MOST_ISSUES + 1)
    except Exception as error:  # noqa: BLE001  a value that changes, or breaks, while it is looked at
        failure = error
    if not problems:
        problems = [Problem(f"cannot be read: {type(failure).__name__}: {failure}", wanted=_WANTED)]
    return UnserializableError(subject, issues_of(problems), hint=HINT if search.came_upon_objects else None)


class _Search:
    def __init__(self, encode: Callable[[Any], Any]) -> None:
        self._encode = encode
        self.came_upon_objects = False

    def problems(self, value: Any, path: Path, within: tuple[int, ...]) -> Iterator[Problem]:
        """What is wrong with the value at ``path``, inside of the objects whose ids are ``within``."""
        if value is None or isinstance(value, (str, bool)):
            return
        if isinstance(value, (int, float)):
            yield from _number(value, path)
        elif id(value) in within:
            yield _problem("refers back to itself", value, path)
        elif len(within) > DEEPEST:
            yield _problem(f"is nested more than {DEEPEST} deep", value, path[:4])
        else:
            yield from self._inside(value, path, (*within, id(value)))

    def _inside(self, value: Any, path: Path, within: tuple[int, ...]) -> Iterator[Problem]:
        if isinstance(value, dict):
            for key, item in list(value.items()):
                yield from self._pair(key, item, path, within)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for index, item in enumerate(value):
                yield from self.problems(item, (*path, index), within)
        else:
            yield from self._other(value, path, within)

    def _pair(self, key: Any, item: Any, path: Path, within: tuple[int, ...]) -> Iterator[Problem]:
        if isinstance(key, str):
            yield from self.problems(item, (*path, key), within)
            return
        what = found_name(key)
        text = f"has a key of type {what}, but JSON's keys are text; declare the field as dict[{what}, ...]"
        yield _problem(text, item, path)

    def _other(self, value: Any, path: Path, within: tuple[int, ...]) -> Iterator[Problem]:
        try:
            stand_in = self._encode(value)
        except Exception as error:  # noqa: BLE001  encoders run properties and hooks of anybody's
            yield _problem(f"cannot be written as JSON data: {type(error).__name__}: {error}", value, path)
            return
        if stand_in is value:
            self.came_upon_objects = True
            yield _problem(_refusal(value), value, path)
        else:
            yield from self.problems(stand_in, path, within)


def _number(value: float, path: Path) -> Iterator[Problem]:
    try:
        if not isfinite(value):
            yield _problem(f"is {value}, which JSON has no number for; use None or text", value, path)
    except OverflowError:
        yield _problem("is an int of more than 300 digits; keep it as text", value, path)


def _refusal(value: Any) -> str:
    name = found_name(value)
    if name.startswith("numpy.") and getattr(value, "shape", None) == ():
        return f"is a {name}, no JSON data; value.item() is"
    if name.startswith("numpy."):
        return f"is a {name} of shape {getattr(value, 'shape', '?')}, no JSON data"
    return f"is a {name}, which does not survive being kept as JSON"


def _problem(text: str, value: Any, path: Path) -> Problem:
    return Problem(text, found_name(value), _WANTED, path=path)
