"""What plugins bring to the command line, found without importing plugins that bring nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

    from synapse_core.cli.state import State
    from synapse_core.plugins import PluginManager


def plugin_commands(state: State) -> dict[str, click.Command]:
    """The commands of plugins, by name."""
    pm = speaking_of(b"synapse_cli", state)
    if pm is None:
        return {}
    import click

    group = click.Group()
    pm.each("synapse_cli", group=group)
    for problem in pm.problems:
        if problem.hook is not None:
            from synapse_core.cli.telling import warn

            warn(problem)
    return dict(group.commands)


def speaking_of(word: bytes, state: State) -> PluginManager | None:
    """The plugins that were named, and the installed ones whose source has ``word`` in it; None if there are none.

    Nothing of any other plugin is imported: loading all of them takes longer than help may.
    """
    installed = list(installed_plugins())
    speaking = {name for name, module in installed if _may_speak_of(word, module)}
    if not state.plugins and not speaking:
        return None
    from synapse_core.plugins import PluginManager

    # No built-in plugin has what is asked for here.
    block = [*state.blocked, *({name for name, _ in installed} - speaking)]
    return PluginManager(plugins=state.plugins, block=block, builtins=(), on_problem=lambda _: None)


def installed_plugins() -> Iterator[tuple[str, str]]:
    """The names and modules of the entry points in the group ``synapse``, read from their files.

    `importlib.metadata` takes longer to import than this takes in all.
    """
    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or ".") as entries:
                names = [entry.name for entry in entries]
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                yield from _entries(Path(folder, name, "entry_points.txt"))


def _entries(file: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return
    section = ""
    for line in lines:
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[] ")
        elif section == "synapse" and "=" in text:
            name, _, place = text.partition("=")
            yield name.strip(), place.partition(":")[0].partition("[")[0].strip()


def _may_speak_of(word: bytes, module: str) -> bool:
    """Whether the source of a module, or of its package, has the word in it; True where there is no telling."""
    from importlib.machinery import PathFinder

    top, *rest = module.split(".")
    spec = PathFinder.find_spec(top)
    if spec is None:
        return True
    place = Path(spec.submodule_search_locations[0], *rest) if spec.submodule_search_locations else None
    files = [place.with_suffix(".py"), place / "__init__.py"] if place else [Path(spec.origin or "")]
    found = [file for file in files if file.is_file()]
    return not found or any(word in file.read_bytes() for file in found)
