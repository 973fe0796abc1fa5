"""Bringing a hand-written ``config.yaml`` up to what a discovery holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import frozen

from synapse_core.actiondef import ActionSpec
from synapse_core.discovery.config import Entry, PluginConfig, find_config, read_config
from synapse_core.discovery.describe import action_dict, dump, entrypoint_text, type_names
from synapse_core.discovery.document import read_text
from synapse_core.discovery.loading import placed
from synapse_core.discovery.splice import Change, changed
from synapse_core.discovery.typenames import find_type
from synapse_core.errors import DiscoveryError, NotFoundError

if TYPE_CHECKING:
    from synapse_core.discovery.plugin import PluginDiscovery


@frozen
class ConfigChanges:
    """What was written to a config; true if anything was.

    Attributes:
        added: actions that the file did not have.
        changed: values that were changed or added, such as ``actions.train.input_type``.
        only_in_file: actions that the file has and the discovery has not; they are left as they are.
    """

    path: Path
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    only_in_file: tuple[str, ...] = ()
    created: bool = False

    def __bool__(self) -> bool:
        return bool(self.created or self.added or self.changed)

    def __str__(self) -> str:
        parts = {"added": self.added, "changed": self.changed, "only in the file": self.only_in_file}
        told = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
        return f"{self.path}: {told or ('made' if self.created else 'nothing to change')}"


def sync_config_file(plugin: PluginDiscovery, path: Path) -> ConfigChanges:
    """See `PluginDiscovery.sync_config_file`."""
    path = path.expanduser().absolute()
    if path.is_dir():
        path = find_config(path) or path / "config.yaml"
    text = read_text(path) if path.exists() else ""
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.removeprefix("\ufeff").splitlines()):
        gap = "" if not text or text.endswith("\n") else "\n"
        write_atomically(path, f"{text}{gap}{dump(_for_folder(plugin, path.parent))}")
        return ConfigChanges(path, added=tuple(plugin.list_actions()), created=True)
    config = read_config(path)
    matched = {spec.name: entry for spec in plugin.specs() if (entry := _entry_of(spec, config)) is not None}
    changes = list(_changes(plugin, config, matched))
    if changes:
        write_atomically(path, changed(text, changes, path))
    known = {entry.key for entry in matched.values()}
    return ConfigChanges(
        path,
        added=tuple(change.keys[1] for change in changes if len(change.keys) == 2),
        changed=tuple(".".join(change.keys) for change in changes if len(change.keys) > 2),
        only_in_file=tuple(key for key in config.actions if key not in known),
    )


def _for_folder(plugin: PluginDiscovery, folder: Path) -> dict[str, Any]:
    """The plugin as a config that stands in ``folder``."""
    found = plugin.to_config_dict()
    for spec in plugin.specs():
        found["actions"][spec.name]["entrypoint"] = entrypoint_text(spec, folder)
    return found


def _entry_of(spec: ActionSpec, config: PluginConfig) -> Entry | None:
    """The config's entry for an action: that of its name, or one that names the very same class or function."""
    if spec.name in config.actions:
        return config.actions[spec.name]
    return next((entry for entry in config.actions.values() if _names(entry, spec, config.path.parent)), None)


def _names(entry: Entry, spec: ActionSpec, folder: Path) -> bool:
    entrypoint, root = placed(entry.entrypoint, folder)
    if entrypoint != spec.entrypoint:
        return False
    return root is None or spec.root is None or os.path.realpath(root) == os.path.realpath(spec.root)


def _changes(plugin: PluginDiscovery, config: PluginConfig, matched: dict[str, Entry]) -> Iterator[Change]:
    folder = config.path.parent
    for spec in plugin.specs():
        entry = matched.get(spec.name)
        if entry is None:
            said = {**action_dict(plugin, spec), "entrypoint": entrypoint_text(spec, folder)}
            yield Change(("actions", spec.name), said)
            continue
        entrypoint = entrypoint_text(spec, folder)
        if not _names(entry, spec, folder) and entrypoint != entry.entrypoint:
            yield Change(("actions", entry.key, "entrypoint"), entrypoint)
        for key, name in type_names(plugin, spec).items():
            if not _is_type(plugin, getattr(entry, key), getattr(spec, key), spec.root):
                yield Change(("actions", entry.key, key), name)


def _is_type(plugin: PluginDiscovery, name: str | None, data_type: Any, root: str | None) -> bool:
    """Whether a name in the config stands for the type, by whichever of its names."""
    try:
        return name is not None and find_type(name, plugin.type_registry(), root) is data_type
    except NotFoundError:
        return False


def write_atomically(path: Path, text: str) -> None:
    """Write a file such that it is never seen half written; links, rights and line ends stay as they are.

    Raises:
        DiscoveryError: it cannot be written.
    """
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)
    except OSError as error:
        raise DiscoveryError(f"cannot write {path}: {error.strerror}", hint="check the folder's rights") from error
    finally:
        with suppress(OSError):  # where nothing can be written there is nothing to remove, and that is an error, too
            temporary.unlink()
