"""Loading what entry points name: actions, pipelines, and whatever else is asked for by ``module:Name``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse_core.actiondef import ActionSpec, BaseAction, is_action, spec_of, split_entrypoint
from synapse_core.actiondef.target import import_target, is_file
from synapse_core.errors import DiscoveryError

if TYPE_CHECKING:
    from synapse_core.discovery.config import Entry


def load_target(entrypoint: str, root: str | None = None) -> Any:
    """The object that an entry point names: the one way in, here and on a worker.

    Args:
        entrypoint: ``pkg.mod:Name``, ``pkg.mod.Name`` or ``/path/file.py:Name``.
        root: the folder that the plugin's own packages stand in. They are found there even where another module of
            that name is in use in this process; see `synapse_core.actiondef.roots`.

    Raises:
        DiscoveryError: the module cannot be imported, or has no such name; the cause says why.
    """
    return import_target(entrypoint, root)


def load_action(spec: ActionSpec, silent: Iterable[str] = ()) -> Any:
    """The action of a spec that was read from a config or a source.

    Args:
        spec: is completed by what the code says.
        silent: the attributes that are the code's to say, as the config does not.

    Raises:
        DiscoveryError: it cannot be imported, or is no action.
    """
    target = load_target(spec.entrypoint, spec.root)
    if not is_action(target):
        raise _no_action(spec, target)
    own = spec_of(target)
    for attribute in silent:
        setattr(spec, attribute, getattr(own, attribute) or getattr(spec, attribute))
    return target


def _no_action(spec: ActionSpec, target: Any) -> DiscoveryError:
    if isinstance(target, type) and issubclass(target, BaseAction):
        return DiscoveryError(f"{spec.entrypoint!r} has no execute()", hint="write one: it is what the action does")
    if isinstance(target, type):
        return DiscoveryError(f"the class {spec.entrypoint!r} is no action", hint="make it a subclass of BaseAction")
    if callable(target):
        return DiscoveryError(f"the function {spec.entrypoint!r} is no action", hint="put @action above it")
    return DiscoveryError(
        f"{spec.entrypoint!r} is no action but {type(target).__name__}", hint="name a class or function"
    )


def load_entry(entry: Entry, folder: Path) -> Any:
    """What an entry of a config names, from the plugin's folder."""
    entrypoint, root = placed(entry.entrypoint, folder)
    return load_target(entrypoint, root)


def placed(entrypoint: str, folder: Path) -> tuple[str, str | None]:
    """An entry point of a plugin's config as ``module:Name``, and the root that its module is imported from."""
    from synapse_core.actiondef.roots import home_of, is_odd

    module, name = split_entrypoint(entrypoint)
    if not is_file(module):
        return f"{module}:{name}", root_for(folder, module)
    file = (folder / module).resolve()
    if is_odd(file) or not file.is_file():
        return f"{file}:{name}", None
    root, module = home_of(file)
    return f"{module}:{name}", root


def root_for(folder: Path, module: str) -> str | None:
    """The folder that a plugin's module is imported from: the plugin's own, its ``src``, or the one above it.

    None: the module is none of the plugin's own, but an installed one.
    """
    parts = module.split(".")
    places = [folder, folder / "src", *([folder.parent] if folder.name == parts[0] else [])]
    for wanted in (parts, parts[:1]):
        for place in places:
            if _is_module(place.joinpath(*wanted)):
                return str(place)
    return None


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_name(f"{path.name}.py").is_file()
