"""Where plugins come from: the built-in ones, entry points of installed distributions, and those given by hand.

Finding one imports nothing of it, so that a blocked plugin's code never runs.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from synapse_core.plugins.info import PluginInfo, Source
from synapse_core.plugins.loading import is_file, load, name_of, ref_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "synapse"
"""The entry point group that a distribution names its plugins in."""

BUILTINS = tuple(
    (name, f"synapse_core.builtin.{name}") for name in ("local", "process", "memory", "console", "config", "module")
)
"""The plugins that come with the core, by name and module."""


@frozen
class Found:
    """A plugin that was found and is not loaded yet."""

    info: PluginInfo
    load: Callable[[], Any]


def find(builtins: Iterable[tuple[str, str]], entry_points: bool, given: Iterable[object]) -> list[Found]:
    """All plugins, in the order of registration: what is registered last is called first.

    A name that is taken already gets its distribution's name, or a number, added to it.
    """
    found = [_builtin(name, ref) for name, ref in builtins]
    if entry_points:
        found += sorted(_installed(), key=lambda each: (each.info.name, each.info.distribution))
    found += [from_given(plugin) for plugin in given]
    taken: set[str] = set()
    return [with_own_name(each, taken) for each in found]


def with_own_name(found: Found, taken: set[str]) -> Found:
    """The plugin under a name that is not among those ``taken``, which it is added to."""
    name, count = found.info.name, 2
    if name in taken and found.info.distribution:
        name = f"{name}@{found.info.distribution}"
    base = name
    while name in taken:
        name, count = f"{base}-{count}", count + 1
    taken.add(name)
    return evolve(found, info=evolve(found.info, name=name))


def blocked_names(block: Iterable[str]) -> frozenset[str]:
    """The names in ``block`` and in the environment's ``SYNAPSE_BLOCK`` (comma separated), in one spelling."""
    names = [*block, *os.environ.get("SYNAPSE_BLOCK", "").split(",")]
    return frozenset(_spelling(name) for name in names if name.strip())


def is_blocked(info: PluginInfo, names: frozenset[str]) -> bool:
    """Whether the plugin is blocked, by its own name or by that of the distribution that was installed."""
    said = {info.name, info.distribution} if info.source == "installed" else {info.name}
    return not names.isdisjoint(map(_spelling, said))


def _spelling(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


# -- the three kinds --------------------------------------------------------------------------------------------


def _builtin(name: str, ref: str) -> Found:
    # The package's front page imports higher rooms than this one, so it is looked up, not imported.
    version = getattr(sys.modules["synapse_core"], "__version__", "")
    return Found(PluginInfo(name, "synapse-core", version, "builtin", ref), partial(load, ref))


def from_given(plugin: object, name: str | None = None) -> Found:
    """A plugin given as an object, a module's name, ``pkg.mod:obj`` or the path of a ``file.py``."""
    plugin = str(plugin) if isinstance(plugin, Path) else plugin
    if not isinstance(plugin, str):
        return Found(PluginInfo(name or name_of(plugin), ref=ref_of(plugin)), lambda: plugin)
    ref = str(Path(plugin).expanduser().resolve()) if is_file(plugin) else plugin
    own_name = Path(ref).stem if is_file(ref) else ref
    return Found(PluginInfo(name or own_name, ref=ref), partial(load, ref))


def _installed() -> Iterator[Found]:
    # Slow to import, so only here.
    from importlib.metadata import distributions

    seen: set[str] = set()
    for dist in distributions():
        # Most distributions name no plugin: reading the text costs much less than parsing it.
        if f"[{GROUP}]" in _entry_points_text(dist):
            name, version = _identity(dist)
            # The first on the path is the one that Python imports.
            if name and _spelling(name) in seen:
                continue
            seen.add(_spelling(name))
            yield from _plugins_of(dist, name, version)


def _entry_points_text(dist: Distribution) -> str:
    try:
        return dist.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return ""


def _identity(dist: Distribution) -> tuple[str, str]:
    try:
        return dist.metadata["Name"] or "", dist.version or ""
    except Exception:  # noqa: BLE001  a damaged distribution must not stop the others from being found
        return "", ""


def _plugins_of(dist: Distribution, name: str, version: str) -> Iterator[Found]:
    about = {"distribution": name, "version": version}
    try:
        entry_points: list[EntryPoint] = list(dist.entry_points.select(group=GROUP))
    except Exception as error:  # noqa: BLE001  as above: it becomes a plugin that is broken
        yield Found(_info(name, **about), partial(_raise, error))
        return
    for entry_point in entry_points:
        ref = entry_point.value.partition("[")[0].replace(" ", "")
        yield Found(_info(entry_point.name, ref=ref, **about), entry_point.load)


def _info(name: str, *, distribution: str, version: str, ref: str | None = None) -> PluginInfo:
    source: Source = "installed"
    return PluginInfo(name, distribution, version, source, ref)


def _raise(error: Exception) -> None:
    raise error
