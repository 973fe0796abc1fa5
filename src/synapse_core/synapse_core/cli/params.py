"""``-p key=value`` and ``--params FILE``: what was typed, as the params of an action or a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from attrs import evolve, frozen

from synapse_core.errors import FieldIssue, SynapseError, ValidationError
from synapse_core.schema import Schema, parse_text


@frozen
class Wanted:
    """What the params are made into, as far as that is known: the models of the actions that will see them.

    Attributes:
        models: those that have fields are asked for a key's type.
        lists: keys that hold a list for a node with ``each``, whatever an action says of one item.
    """

    schema: Schema
    models: tuple[Any, ...] = ()
    lists: frozenset[str] = frozenset()

    def types(self, path: Sequence[str]) -> list[Any]:
        """The types that the value at ``path`` may have; none where nobody knows."""
        return [] if path[0] in self.lists else [kind for kind, _ in self._found(path)]

    def is_secret(self, path: Sequence[str]) -> bool:
        """Whether the value at ``path`` is, is in, or has in it, a field that is never shown."""
        return any(secret or self._hides(kind, ()) for kind, secret in self._found(path))

    def _hides(self, wanted: Any, above: tuple[Any, ...]) -> bool:
        """Whether a type has a secret field, however deep; those ``above`` are looked at already."""
        arms = [arm for arm in _arms(wanted) if arm not in above]
        fields = [field for arm in arms if self.schema.is_model(arm) for field in self.schema.fields(arm)]
        inner = [field.type for field in fields] + [each for arm in arms for each in get_args(arm)]
        return any(field.secret for field in fields) or any(self._hides(each, (*above, *arms)) for each in inner)

    def _found(self, path: Sequence[str]) -> list[tuple[Any, bool]]:
        return [found for model in self.models for found in self._below(model, path)]

    def _below(self, wanted: Any, path: Sequence[str], secret: bool = False) -> list[tuple[Any, bool]]:
        """What is at ``path``: its type, and whether it is secret."""
        if not path:
            return [(wanted, secret)]
        return [
            found
            for arm in _arms(wanted)
            for inner, hidden in self._inside(arm, path[0])
            for found in self._below(inner, path[1:], secret or hidden)
        ]

    def _inside(self, wanted: Any, key: str) -> list[tuple[Any, bool]]:
        """What ``key`` names in a model, or in a mapping."""
        if self.schema.is_model(wanted):
            known = [field for field in self.schema.fields(wanted) if field.name == key]
            return [(Any if field.converter is not None else field.type, field.secret) for field in known]
        arguments = get_args(wanted)
        if isinstance(get_origin(wanted), type) and issubclass(get_origin(wanted), Mapping) and len(arguments) == 2:
            return [(arguments[1], False)]
        return []


def _arms(wanted: Any) -> Sequence[Any]:
    """The alternatives of a union; the type itself, where it is none."""
    if get_origin(wanted) is Annotated:
        return _arms(get_args(wanted)[0])
    return [inner for arm in get_args(wanted) for inner in _arms(arm)] if _is_union(wanted) else [wanted]


def _is_union(wanted: Any) -> bool:
    return get_origin(wanted) in {Union, UnionType}


def read_params(
    pairs: Collection[str], file: str | None, wanted: Wanted, check: Callable[[Mapping[str, Any]], None] | None = None
) -> dict[str, Any]:
    """The params of a file, and over them those that were typed.

    Args:
        pairs: ``key=value`` each; ``model.depth=3`` reaches into ``model``.
        file: JSON, YAML or TOML, by its name; ``-`` is JSON or YAML on standard input.
        wanted: what their types are looked up in.
        check: raises a `ValidationError` where the whole does not fit; told together with what was typed wrong.

    Raises:
        ValidationError: values do not fit their types, all of them at once.
        SynapseError: the file cannot be read, or a pair is none.
    """
    params = _read_file(file) if file else {}
    issues: dict[str, Sequence[FieldIssue]] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise SynapseError(f"-p {pair}: write it as -p key=value")
        path = key.split(".")
        try:
            value = _parse(text, wanted.types(path), key)
        except ValidationError as error:
            value = text
            issues[key] = [_without_value(issue) for issue in error.issues] if wanted.is_secret(path) else error.issues
        _put(params, path, value)
    _tell(issues, params, check)
    return params


def _tell(
    issues: Mapping[str, Sequence[FieldIssue]],
    params: Mapping[str, Any],
    check: Callable[[Mapping[str, Any]], None] | None,
) -> None:
    """Raise what is wrong with what was typed, by key, and with all the rest of the params."""
    typed = [issue for found in issues.values() for issue in found]
    try:
        if check is not None:
            check(params)
    except ValidationError as error:
        rest = [issue for issue in error.issues if not any(_is_below(issue.path, key) for key in issues)]
        raise ValidationError(error.subject, [*typed, *rest], hint=error.hint) from None
    if typed:
        raise ValidationError("params", typed)


def _without_value(issue: FieldIssue) -> FieldIssue:
    return evolve(issue, message=f"expected {issue.wanted}, got {issue.found}")


def _is_below(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}["))


def _parse(text: str, types: Sequence[Any], key: str) -> Any:
    """The text as the first of the types that takes it; as JSON or text where there is none."""
    first: ValidationError | None = None
    for wanted in types or (Any,):
        try:
            return parse_text(text, wanted, path=key)
        except ValidationError as error:
            first = first or error
    raise first or AssertionError("no type was tried")


def _put(params: dict[str, Any], path: Sequence[str], value: Any) -> None:
    inner = params
    for key in path[:-1]:
        below = inner.setdefault(key, {})
        if not isinstance(below, dict):
            raise SynapseError(f"-p {'.'.join(path)}: {key!r} is {below!r}, which has nothing inside")
        inner = below
    inner[path[-1]] = value


def _read_file(name: str) -> dict[str, Any]:
    path = Path(name)
    try:
        text = sys.stdin.read() if name == "-" else path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SynapseError(f"--params {name}: {getattr(error, 'strerror', None) or error}") from error
    try:
        data = _parse_file(text, path.suffix.lower())
    except Exception as error:
        raise SynapseError(f"--params {name}: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise SynapseError(f"--params {name}: expected keys with values, got {found}")
    return data


def _parse_file(text: str, suffix: str) -> Any:
    if suffix == ".toml":
        import tomllib

        return tomllib.loads(text)
    if suffix == ".json":
        import json

        return json.loads(text)
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)
