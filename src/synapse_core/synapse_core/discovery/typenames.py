"""Semantic types that a config names: found when they are asked for, as a plugin's own types come with its code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from synapse_core.actiondef.target import entrypoint_of
from synapse_core.discovery.problem import Problem
from synapse_core.errors import NotFoundError

if TYPE_CHECKING:
    from synapse_core.types import DataType, TypeRegistry


@frozen
class TypeNames(Mapping[str, Any]):
    """The semantic types that a config names for an action, as `ActionSpec.overrides`; one nobody knows is not in it.

    ``find`` gives the type of a name, or raises NotFoundError; ``where`` is the config's line.
    """

    names: Mapping[str, str]
    find: Callable[[str], type[DataType]] = field(repr=False)
    where: str = ""

    def __getitem__(self, key: str) -> type[DataType]:
        try:
            return self.find(self.names[key])
        except NotFoundError as error:
            raise KeyError(key) from error

    def __iter__(self) -> Iterator[str]:
        unknown = [name for name, _ in self.unknown()]
        return (key for key, name in self.names.items() if name not in unknown)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def unknown(self) -> Iterator[tuple[str, NotFoundError]]:
        """The names that nobody knows, and why."""
        for name in self.names.values():
            try:
                self.find(name)
            except NotFoundError as error:
                yield name, error

    def problems(self) -> Iterator[Problem]:
        """The names that nobody knows, as problems."""
        hint = "a type of your own is found when the action's module imports it, or by the hook synapse_data_types"
        return (Problem(self.where, error.message, hint) for _, error in self.unknown())

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return dict, (dict(self),)


def find_type(name: str, registry: TypeRegistry, root: str | None) -> type[DataType]:
    """The type of that name: one that is registered, or that a module defines, in ``root`` or an installed one.

    Raises:
        NotFoundError: nobody knows it, or several are called so.
    """
    try:
        return registry.get(name)
    except NotFoundError:
        homes = {each: entrypoint_of(each)[1] for each in _defined() if name in (each.name, each.__name__)}
        own = [each for each, home in homes.items() if root is not None and home == os.path.realpath(root)]
        found = own or [each for each, home in homes.items() if home is None]
        if len(found) != 1:
            raise
        return found[0]


def _defined() -> Iterator[type[DataType]]:
    from synapse_core.types import DataType

    waiting = [DataType]
    while waiting:
        data_type = waiting.pop()
        yield data_type
        waiting.extend(data_type.__subclasses__())
