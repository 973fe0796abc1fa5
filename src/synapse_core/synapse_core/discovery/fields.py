"""The fields of a ``config.yaml``, and how each is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from synapse_core.actiondef import PluginCategory
from synapse_core.discovery.document import Document, Keys, dotted, kind_of
from synapse_core.discovery.problem import Problem
from synapse_core.errors import FieldIssue, nearest

METHODS = ("task", "job", "serve")
PACKAGE_MANAGERS = ("pip", "uv")

_ENTRYPOINT = re.compile(r"[^\s:]+(\.[^\s:]+)*[.:]\w+(\.\w+)*|.+\.py:\w+(\.\w+)*")


@frozen
class Checker:
    """Checks one document; ``issues`` are what it cannot be used with, ``problems`` what is to be told."""

    document: Document
    file: str
    issues: list[FieldIssue] = field(factory=list)
    problems: list[Problem] = field(factory=list)

    def mapping(self, path: Keys, value: Any, fields: Mapping[str, Check]) -> None:
        """Check every known key of a mapping, and tell of the others."""
        for key, item in value.items():
            check = fields.get(key)
            if check is not None:
                if item is not None:
                    check(self, (*path, key), item)
            elif isinstance(key, str):
                if not key.startswith("x-"):  # an author's own
                    self._unknown_key((*path, key), fields)
            else:
                self.issue((*path, key), key, "a name as the key")

    def issue(self, path: Keys, found: Any, wanted: str, close: str | None = None) -> None:
        """Note a wrong value."""
        guess = f"; did you mean {close!r}?" if close else ""
        shown = f" {found!r}" if isinstance(found, str) and 0 < len(found) <= 60 else ""
        found = kind_of(found) if not isinstance(found, str) or found else "an empty text"
        message = f"line {self.document.line(path)}: wanted {wanted}, found {found}{shown}{guess}"
        self.issues.append(FieldIssue(dotted(path), message, found, wanted))

    def missing(self, path: Keys, wanted: str, instead: str | None = None) -> None:
        """Note a value that is not there; ``instead`` is a key that may have been meant for it."""
        guess = f" (is {instead!r} meant for it?)" if instead else ""
        message = f"line {self.document.line(path)}: missing; wanted {wanted}{guess}"
        self.issues.append(FieldIssue(dotted(path), message, "nothing", wanted))

    def doubt(self, path: Keys, message: str, hint: str) -> None:
        """Tell of what is strange and does no harm."""
        self.problems.append(Problem(f"{self.file}:{self.document.line(path)}", f"{dotted(path)}: {message}", hint))

    def _unknown_key(self, path: Keys, fields: Iterable[str]) -> None:
        close = nearest(str(path[-1]), fields)
        hint = f"did you mean {close!r}?" if close else f"known here are {', '.join(fields)}"
        self.doubt(path, "unknown key", hint)


Check = Callable[[Checker, Keys, Any], None]


def text(checker: Checker, path: Keys, value: Any) -> None:
    """Any text but an empty one."""
    if not isinstance(value, str) or not value.strip():
        checker.issue(path, value, "text")


def any_text(checker: Checker, path: Keys, value: Any) -> None:
    """Text that may be empty, as a description may."""
    if not isinstance(value, str):
        checker.issue(path, value, "text")


def version(checker: Checker, path: Keys, value: Any) -> None:
    """A version; ``1.10`` without quotes is a number to YAML, and meant all the same."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        checker.issue(path, value, "a version, such as 0.1.0")


def entrypoint(checker: Checker, path: Keys, value: Any) -> None:
    """The name of an object in a module or file."""
    if not isinstance(value, str) or not _ENTRYPOINT.fullmatch(value):
        checker.issue(path, value, "an entry point, such as package.module:Name")


def likely(known: Iterable[str]) -> Check:
    """Text that is mostly one of some values: a near miss is told of."""
    known = tuple(known)

    def check(checker: Checker, path: Keys, value: Any) -> None:
        text(checker, path, value)
        close = nearest(value, known) if isinstance(value, str) and value not in known else None
        if close:
            checker.doubt(path, f"{value!r} is none of {', '.join(known)}", f"did you mean {close!r}?")

    return check


def one_of(known: Iterable[str]) -> Check:
    """One of some values and nothing else."""
    known = tuple(known)

    def check(checker: Checker, path: Keys, value: Any) -> None:
        if value not in known:
            checker.issue(path, value, " or ".join(known), nearest(value, known) if isinstance(value, str) else None)

    return check


def texts(checker: Checker, path: Keys, value: Any) -> None:
    """A list of texts."""
    if not isinstance(value, list):
        checker.issue(path, value, "a list of text")
        return
    for index, item in enumerate(value):
        any_text(checker, (*path, index), item)


def mapping(checker: Checker, path: Keys, value: Any) -> None:
    """A mapping of whatever."""
    if not isinstance(value, dict):
        checker.issue(path, value, "a mapping")


def environ(checker: Checker, path: Keys, value: Any) -> None:
    """Environment variables: names with plain values."""
    if not isinstance(value, dict):
        checker.issue(path, value, "a mapping of names to values")
        return
    for key, item in value.items():
        if not isinstance(key, str):
            checker.issue((*path, key), key, "a name as the key")
        elif isinstance(item, list | dict):
            checker.issue((*path, key), item, "text, a number, or true or false")


def entries(fields: Mapping[str, Check]) -> Check:
    """A mapping of names to entries, each of which has an entry point."""

    def check(checker: Checker, path: Keys, value: Any) -> None:
        if not isinstance(value, dict):
            checker.issue(path, value, "a mapping of names to entries")
            return
        for name, entry in value.items():
            _entry(checker, (*path, name), entry, fields)

    return check


def _entry(checker: Checker, path: Keys, entry: Any, fields: Mapping[str, Check]) -> None:
    if not isinstance(path[-1], str) or not path[-1].strip():
        checker.issue(path, path[-1], "a name as the key")
    if not isinstance(entry, dict):
        checker.issue(path, entry, f"a mapping with {', '.join(fields)}")
        return
    checker.mapping(path, entry, fields)
    if entry.get("entrypoint") is None:
        strangers = [key for key in entry if isinstance(key, str) and key not in fields]
        wanted = "an entry point, such as package.module:Name"
        checker.missing((*path, "entrypoint"), wanted, nearest("entrypoint", strangers))


def categories() -> Iterator[str]:
    """The categories that there are names for."""
    return (category.value for category in PluginCategory)


ACTION: dict[str, Check] = {
    "name": text,
    "description": any_text,
    "entrypoint": entrypoint,
    "method": likely(METHODS),
    "category": likely(categories()),
    "version": version,
    "input_type": text,
    "output_type": text,
}

PIPELINE: dict[str, Check] = {"name": text, "description": any_text, "entrypoint": entrypoint}

PLUGIN: dict[str, Check] = {
    "name": text,
    "code": text,
    "version": version,
    "category": likely(categories()),
    "description": any_text,
    "readme": text,
    "package_manager": one_of(PACKAGE_MANAGERS),
    "package_manager_options": texts,
    "wheels_dir": text,
    "env": environ,
    "runtime_env": mapping,
    "actions": entries(ACTION),
    "pipelines": entries(PIPELINE),
}
