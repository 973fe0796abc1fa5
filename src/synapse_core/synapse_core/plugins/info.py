"""What is known of a plugin, and of what went wrong with it: plain frozen values."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from synapse_core.errors import SynapseError

Source = Literal["builtin", "installed", "given"]
Status = Literal["active", "blocked", "broken"]


@frozen
class PluginInfo:
    """Which plugin it is.

    Attributes:
        name: what it is blocked by (``-p no:NAME``); no two plugins of a manager have the same.
        distribution: the installed distribution that it came with; empty where it was given by hand.
        source: ``builtin``, ``installed`` (an entry point) or ``given`` (to the session, or by ``--plugin``).
        ref: what imports it, here and on a worker: ``pkg.mod``, ``pkg.mod:obj`` or ``/path/file.py``; None for an
            object that cannot be named.
    """

    name: str
    distribution: str = ""
    version: str = ""
    source: Source = "given"
    ref: str | None = None

    def __str__(self) -> str:
        origin = f"{self.distribution} {self.version}".strip() or self.ref
        return f"plugin {self.name!r} ({origin})" if origin else f"plugin {self.name!r}"


@frozen
class PluginProblem:
    """A plugin could not be used, or failed in a hook; the program went on without it.

    ``error`` is one line; ``traceback`` is everything. ``hook`` is None where the plugin as a whole is broken.
    """

    plugin: PluginInfo
    error: str
    hook: str | None = None
    traceback: str = ""

    def __str__(self) -> str:
        if self.hook is None:
            return f"{self.plugin} is broken and left out: {self.error}"
        return f"hook {self.hook!r} of {self.plugin} failed: {self.error}"


@frozen
class PluginRow:
    """A line of ``synapse plugins``.

    Attributes:
        error: why it is broken, on one line; ``traceback`` is the whole of it.
        hooks: the hooks that it implements, by name; empty unless it is active.
        conflicts: of each name that it offers and another plugin offers too, who that is.
        problems: how its hooks have failed so far, one line each.
    """

    name: str
    distribution: str
    version: str
    status: Status
    error: str | None = None
    hooks: tuple[str, ...] = ()
    builtin: bool = False
    conflicts: tuple[str, ...] = ()
    source: Source = "given"
    problems: tuple[str, ...] = ()
    traceback: str = ""


def one_line(error: BaseException) -> str:
    """The exception's type and message, on one line.

    A message that is ours stands by itself; ``SystemExit`` says what it means.
    """
    if isinstance(error, SystemExit):
        return f"SystemExit: {error.code}: it tried to end the program"
    text = " ".join(_message(error).split())
    if isinstance(error, SynapseError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  an exception whose __str__ raises still has a type to tell
        return f"(its message cannot be had: {type(broken).__name__})"


def full_traceback(error: BaseException) -> str:
    """The exception as Python would print it."""
    import traceback

    return "".join(traceback.format_exception(error))


def log_problem(problem: PluginProblem) -> None:
    """Tell of a problem by the logger ``synapse.plugins``; what a manager does unless it is told otherwise."""
    import logging

    logging.getLogger("synapse.plugins").warning("%s", problem)
