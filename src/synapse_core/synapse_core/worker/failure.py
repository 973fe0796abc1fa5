"""An exception as data: type name, message and traceback, whatever the exception does when it is looked at."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any

from synapse_core.actiondef.target import public
from synapse_core.errors import ExecutionError
from synapse_core.models import Failure

_LONGEST = 64 * 1024


def failure_of(error: BaseException) -> Failure:
    """The exception's type name, message and traceback, without the frames that are Synapse's own."""
    # One that stands for another (a failed step, a run within the action) tells that one's type: retries go by it.
    stands_for = error.error_type if isinstance(error, ExecutionError) else ""
    return Failure(stands_for or type_name(type(error)), _message(error), _traceback(error))


def kinds_of(error: BaseException) -> tuple[str, ...]:
    """The names of the exception's type and of what that is a subclass of: retries go by them."""
    stands_for = error.error_type if isinstance(error, ExecutionError) else ""
    return (stands_for,) if stands_for else tuple(map(type_name, type(error).__mro__[:-1]))


def type_name(cls: type) -> str:
    """``ValueError``, ``requests.exceptions.Timeout``."""
    module = cls.__module__
    return cls.__qualname__ if module in {"builtins", "__main__"} else public(f"{module}.{cls.__qualname__}")


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the action ended its process: exit code {error.code!r}"
    try:
        return _short(str(error))
    except Exception as broken:  # noqa: BLE001  an exception whose __str__ raises still has a type to tell
        return f"(its message cannot be had: {type(broken).__name__})"


def _traceback(error: BaseException) -> str:
    try:
        error_tb = _own_frames(error.__traceback__)
        return _short("".join(traceback.format_exception(type(error), error, error_tb)))
    except Exception:  # noqa: BLE001  as above
        return "".join(traceback.format_tb(error.__traceback__))


def _own_frames(tb: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame on that is not in this package's rooms that run actions."""
    first: Any = tb
    while first is not None and first.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        first = first.tb_next
    return first or tb


_OURS = ("synapse_core.worker", "synapse_core.builtin", "synapse_core.plugins", "pluggy", "asyncio", "concurrent")


def _short(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}\n… {len(text) - _LONGEST} characters left out …\n{text[-_LONGEST // 2 :]}"
