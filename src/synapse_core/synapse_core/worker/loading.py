"""Noticing a program that would run itself again: `loading` and `check_not_loading`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from synapse_core.errors import SynapseError

_entrypoint: ContextVar[str | None] = ContextVar("entrypoint", default=None)


@contextmanager
def loading(entrypoint: str) -> Iterator[None]:
    """While a worker imports an action, the program that the action is in must not start runs."""
    token = _entrypoint.set(entrypoint)
    try:
        yield
    finally:
        _entrypoint.reset(token)


def check_not_loading() -> None:
    """Refuse to start a run in a worker that is only importing its action: it would be started without end.

    Raises:
        SynapseError: a worker imports an action.
    """
    entrypoint = _entrypoint.get()
    if entrypoint is not None:
        raise SynapseError(
            f"a run is started while a worker imports {entrypoint!r}, which would start the same again",
            hint="put what runs the pipeline under `if __name__ == '__main__':`",
        )
