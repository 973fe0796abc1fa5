"""Large parts of results, which executors may keep where workers are: in their place stands a token.

A token is a mapping with the key `TOKEN`; beside it stand the ``size`` in bytes, the ``run`` and the ``action`` whose
result it is of, and what the executor finds it again by. Only an executor that gave a token puts the value back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synapse_core.errors import LargeValueError

if TYPE_CHECKING:
    from synapse_core.protocols import Call

TOKEN = "$synapse_large"  # noqa: S105  no secret


def tokens_in(params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The params that are tokens."""
    return {name: value for name, value in params.items() if type(value) is dict and TOKEN in value}


def check_whole(call: Call) -> None:
    """Return if no param of the call is a token: an action must never get one for the value.

    Raises:
        LargeValueError: one is.
    """
    for name, token in tokens_in(call.params).items():
        raise gone(call.action, name, token)


def gone(action: str, name: str, token: Mapping[str, Any]) -> LargeValueError:
    """The error that says that a value is not to be had, and what to do."""
    run, source = token.get("run", ""), token.get("action", "")
    size = token.get("size", 0) / 1e6
    return LargeValueError(
        f"{action!r} needs {name!r}, {size:.1f} MB of the result of {source!r} in run {run}, which were kept on the "
        "workers' cluster and are not to be had any more",
        hint=f"run it again from there: synapse runs rerun {run} --from {source}",
    )
