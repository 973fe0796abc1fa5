"""What to say when an entry point cannot be loaded: what failed, where, and what to do."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from synapse_core.actiondef.roots import root_at
from synapse_core.actiondef.target import public
from synapse_core.errors import DiscoveryError, nearest


def import_failed(entrypoint: str, module: str, root: str | None, error: BaseException) -> DiscoveryError:
    """A module of a plugin raised while it was imported, or is not there."""
    place = "" if root is None or Path(module).is_absolute() else f" from {root}"
    return DiscoveryError(f"cannot load {entrypoint!r}{place}: {what(error, root)}", hint=_hint(module, root, error))


def name_missing(entrypoint: str, holder: Any, name: str, error: Exception) -> DiscoveryError:
    """The module was imported and lacks the name."""
    if not isinstance(error, AttributeError):
        return DiscoveryError(f"cannot load {entrypoint!r}: {what(error)}")
    own = getattr(holder, "__dict__", {})
    where = public(own.get("__name__") or getattr(holder, "__qualname__", "") or type(holder).__name__)
    close = nearest(name, [each for each in own if not each.startswith("_")])
    hint = f"did you mean {close!r}?" if close else f"check that {where} defines {name}, at its top level"
    return DiscoveryError(f"cannot load {entrypoint!r}: {where} has no {name!r}", hint=hint)


def what(error: BaseException, root: str | None = None) -> str:
    """``ValueError: no such model (train.py, line 7)``."""
    if isinstance(error, SyntaxError):
        file = Path(error.filename or "source").name
        return f"{type(error).__name__}: {error.msg} ({file}, line {error.lineno})"
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    return public(text) + _where(error, root)


def _where(error: BaseException, root: str | None) -> str:
    """The last line of the plugin's own code that the error passed through; of any code, where its root is unknown."""
    rooms = (str(Path(__file__).parent), str(Path(__file__).parents[1] / "discovery"))
    machinery = (*rooms, "<frozen", importlib.__file__ or "<frozen")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(machinery)]
    home = "" if root is None else os.path.realpath(root)
    own = [frame for frame in frames if os.path.realpath(frame.filename).startswith(home)] or frames
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _hint(module: str, root: str | None, error: BaseException) -> str:
    if isinstance(error, FileNotFoundError) and not Path(module).exists():
        return _near_file(Path(module))
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = public(f"{error.name}.")[:-1]
        top = missing.partition(".")[0]
        if top == module.partition(".")[0] or (root is not None and root_at(root).has(top)):
            return _near_module(missing, root)
        return f"install {top!r} for {sys.executable}, or have the plugin do without it"
    if isinstance(error, SystemExit):
        return "a module must not end the program when it is imported: put that under `if __name__ == '__main__':`"
    if isinstance(error, SyntaxError):
        return f"correct that line; this is Python {sys.version_info.major}.{sys.version_info.minor}"
    return "the module raised this when it was imported; correct it there"


def _near_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    close = nearest(path.name, [each.name for each in folder.glob("*.py")])
    return f"did you mean {close!r}?" if close else f"check the path; {folder} has no file of a similar name"


def _near_module(missing: str, root: str | None) -> str:
    """What a module that is not there may have been meant to be."""
    *parents, last = missing.split(".")
    folder = Path(root or Path.cwd(), *parents)
    known = [each.stem for each in folder.glob("*") if each.suffix == ".py" or each.is_dir()] if folder.is_dir() else []
    close = nearest(last, [name for name in known if name.isidentifier()])
    if close:
        return f"did you mean {'.'.join([*parents, close])!r}?"
    return f"there is no such module{f' in {root}' if root else ''}; check the spelling, or where it is installed"
