"""What crosses between a driver and the actors of this room: values, and errors as data, so that Ray wraps none."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Mapping
from typing import Any

from attrs import frozen

from synapse_core.errors import StoreError, SynapseError


@frozen
class Answer:
    """What an actor answers: a value, or an error as data."""

    value: Any = None
    error: Mapping[str, Any] | None = None

    @classmethod
    def of_error(cls, error: BaseException) -> Answer:
        """An error to be raised where the answer is read."""
        return cls(error=_as_data(error))

    def get(self) -> Any:
        """The value.

        Raises:
            SynapseError: the one that was raised there; anything else that was is a `StoreError`.
        """
        if self.error is not None:
            raise _from_data(self.error)
        return self.value


async def answer(work: Awaitable[Any]) -> Answer:
    """Await ``work`` and tell how it went."""
    try:
        return Answer(await work)
    except Exception as error:  # noqa: BLE001  it is raised where the answer is read
        return Answer.of_error(error)


def _as_data(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, SynapseError):
        return {"kinds": [], "message": f"{type(error).__name__}: {error}", "state": {}}
    kinds = [(kind.__module__, kind.__qualname__) for kind in type(error).__mro__ if issubclass(kind, SynapseError)]
    return {"kinds": kinds, "message": error.message, "state": vars(error)}


def _from_data(data: Mapping[str, Any]) -> SynapseError:
    kind = next(filter(None, (_kind(*names) for names in data["kinds"])), StoreError)
    error = kind.__new__(kind)
    SynapseError.__init__(error, data["message"])
    vars(error).update(data["state"])
    return error


def _kind(module: str, name: str) -> type[SynapseError] | None:
    """The type of that name; None where it is one that is not known here."""
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    return found if isinstance(found, type) and issubclass(found, SynapseError) else None
