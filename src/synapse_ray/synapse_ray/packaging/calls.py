"""A call as a worker finds it: paths in the shipped folder as they are there, and back to whole ones on arrival."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from attrs import evolve

from synapse_core.actiondef.target import is_file, portable, split_entrypoint
from synapse_core.errors import DiscoveryError
from synapse_core.protocols import Call


def _home() -> Path:
    with suppress(FileNotFoundError):
        return Path.cwd()
    return Path(os.environ.get("PWD", os.sep))  # as the shell that began this process says


HOME = _home()
"""The working directory that this process began in: on a worker, the shipped folder. An action may change it."""


def stand_somewhere() -> None:
    """Go to `HOME` if the folder that this process stands in is gone.

    Where nodes share a machine, and so Ray's folder, Ray unpacks what is shipped again for each of them: the folder
    that workers of another node stand in is removed, and there is a new one of its name.
    """
    try:
        os.getcwd()  # noqa: PTH109  told for each order
    except FileNotFoundError:
        with suppress(OSError):
            os.chdir(HOME)


def departed(entrypoint: str, root: str | None, folder: Path | None, *, action: str) -> tuple[str, str | None]:
    """The entry point and the root as a worker finds them in the shipped ``folder``.

    A path that is relative is one there already.

    Raises:
        DiscoveryError: the action is in a file that is not shipped, in a function, or in an interactive session.
    """
    module, name = split_entrypoint(portable(entrypoint))
    if is_file(module):
        module = _within(module, folder, action)
    return f"{module}:{name}", None if root is None else _within(root, folder, action)


def arrived(call: Call) -> Call:
    """On the worker: the call with whole paths."""
    entrypoint, root = arrived_at(call.entrypoint, call.root)
    return evolve(call, entrypoint=entrypoint, root=root)


def arrived_at(entrypoint: str, root: str | None) -> tuple[str, str | None]:
    """What `departed` gave, on the worker: with whole paths."""
    module, _, name = entrypoint.rpartition(":")
    whole = f"{HOME / module}:{name}" if is_file(module) else entrypoint
    return whole, None if root is None else os.path.normpath(HOME / root)


def _within(place: str, folder: Path | None, action: str) -> str:
    if not Path(place).is_absolute():
        return place
    real = Path(place).resolve()
    if folder is not None and real.is_relative_to(folder.resolve()):
        return real.relative_to(folder.resolve()).as_posix()
    home = real.parent if real.suffix == ".py" else real
    shipped = "no folder is shipped" if folder is None else f"only {folder} is shipped"
    raise DiscoveryError(
        f"{action!r} is defined in {real}, where no worker of the cluster finds it: {shipped}",
        hint=f"give working_dir={str(home)!r} (or a folder above it), or install its package on the cluster",
    )
