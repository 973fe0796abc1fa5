"""`TypeRegistry`: semantic types by name, for those who have a name only, as a ``config.yaml`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from synapse_core.errors import NotFoundError, PluginError, nearest
from synapse_core.types.base import DataType
from synapse_core.types.standard import STANDARD


class TypeRegistry:
    """The semantic types by name: those that come with Synapse, and those that plugins add.

    A type answers to its ``name`` (``yolo_dataset``) and, where that is free, to its class name (``YOLODataset``).
    """

    def __init__(self, types: Iterable[type[DataType]] = STANDARD) -> None:
        self._types: dict[str, type[DataType]] = {}
        self._plugins: dict[str, str] = {}
        for each in types:
            self.add(each)

    def add(self, data_type: Any, plugin: str = "") -> None:
        """Take in a type; one that is there already is left as it is.

        Args:
            data_type: A subclass of `DataType`.
            plugin: Who brings it, to be named when something is wrong with it.

        Raises:
            PluginError: It is no such class, or another type has its name; the message names both.
        """
        if not (isinstance(data_type, type) and issubclass(data_type, DataType)):
            raise PluginError(f"{data_type!r}{_by(plugin)} is no subclass of DataType")
        there = self._types.get(data_type.name)
        if there is data_type:
            return
        if there is not None:
            raise PluginError(
                f"two data types are called {data_type.name!r}: {_full_name(there)}{_by(self._plugins[there.name])} "
                f"and {_full_name(data_type)}{_by(plugin)}",
                hint="give one of them another `name`",
            )
        self._types[data_type.name] = data_type
        self._plugins[data_type.name] = plugin

    def get(self, name: str) -> type[DataType]:
        """The type of that name, or of that class name.

        Raises:
            NotFoundError: There is none; the message says what there is. Or several classes are called so.
        """
        if name in self._types:
            return self._types[name]
        found = [each for each in self if each.__name__ == name]
        if len(found) > 1:
            several = ", ".join(f"{each.name!r} ({_full_name(each)})" for each in found)
            raise NotFoundError(f"{name!r} may be any of {several}", hint="say which by its name")
        if not found:
            raise self._unknown(name)
        return found[0]

    def _unknown(self, name: str) -> NotFoundError:
        known = {each.lower(): each for kind in self for each in (kind.name, kind.__name__)}
        close = nearest(name.lower(), known)
        guess = f"; did you mean {known[close]!r}?" if close else "."
        return NotFoundError(f"no data type {name!r}{guess} There are: {', '.join(sorted(self._types))}")

    def __iter__(self) -> Iterator[type[DataType]]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)

    def __contains__(self, name: Any) -> bool:
        return name in self._types or any(each.__name__ == name for each in self)


def _full_name(data_type: type[DataType]) -> str:
    return f"{data_type.__module__}.{data_type.__qualname__}"


def _by(plugin: str) -> str:
    return f" of plugin {plugin!r}" if plugin else ""
