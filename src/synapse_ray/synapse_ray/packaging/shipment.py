"""All that goes to a cluster for a folder: its files, wheels, the Synapse packages, and what is installed there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from attrs import frozen

from synapse_ray.config import RayConfig
from synapse_ray.packaging.listing import Entry, listing
from synapse_ray.packaging.requirements import THERE, Requirements, read_requirements
from synapse_ray.packaging.wheels import SDK, plugin_wheels, sdk_wheels
from synapse_ray.packaging.zipping import Package, digest_of, packed

_SDK_FOLDER = ".synapse/wheels"
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")


@frozen
class Shipment:
    """What is shipped for a folder.

    Attributes:
        entries: the folder's files; none without a folder.
        added: further files, by name: their content.
        lines: what is installed on the workers, as in a requirements file.
    """

    entries: Sequence[Entry]
    added: Mapping[str, bytes]
    lines: tuple[str, ...]

    @classmethod
    def of(cls, config: RayConfig, folder: Path | None) -> Shipment:
        """What the config asks for.

        The Synapse packages are left out of what is installed: the cluster has them, or ``include_sdk`` ships them;
        they are on no public index.

        Raises:
            PackageError: something that is needed cannot be read.
        """
        wheels = plugin_wheels(folder, config.wheels_dir) if folder is not None else []
        needed = _requirements(config, folder)
        keep = [*wheels, *(name for name in needed.files if not name.endswith("/"))]
        entries = listing(folder, config.runtime_env.get("excludes", ()), keep) if folder is not None else []
        sdk = sdk_wheels() if config.include_sdk else {}
        added = {f"{_SDK_FOLDER}/{name}": content for name, content in sdk.items()}
        # Wheels first: pip looks for a name on the index at once, unless it has been given a file for it by then.
        lines = [f"{THERE}/{name}" for name in (*wheels, *sorted(added))]
        lines += [line for line in needed.lines if not _is_sdk(line)]
        return cls(entries, added, (*lines, *_seal(entries, [*wheels, *needed.files])))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to upload."""
        return not self.entries and not self.added


def packed_shipment(shipment: Shipment, what: str) -> AbstractContextManager[Package]:
    """The archive of a shipment, for the block; see `synapse_ray.packaging.zipping.packed`."""
    return packed(shipment.entries, shipment.added, what=what)


def _requirements(config: RayConfig, folder: Path | None) -> Requirements:
    file = config.requirements_file
    if file is None:
        file = folder / "requirements.txt" if folder is not None else None
        return read_requirements(file, folder) if file is not None and file.is_file() else Requirements()
    if folder is not None and not file.is_absolute() and (folder / file).is_file():
        file = folder / file
    return read_requirements(file.expanduser().absolute(), folder)


def _is_sdk(line: str) -> bool:
    name = _NAME.match(line)
    return name is not None and re.sub(r"[._-]+", "-", name.group(1)).lower() in SDK


def _seal(entries: Sequence[Entry], used: Sequence[str]) -> tuple[str, ...]:
    """A comment with the digest of the shipped files that are installed.

    Ray makes an environment once for each list of lines; a file that has changed must be another list.
    """
    folders = tuple(name for name in used if name.endswith("/"))
    sealed = [entry for entry in entries if entry.name in used or entry.name.startswith(folders)]
    if not sealed:
        return ()
    contents = ((entry.name, b"" if entry.name.endswith("/") else entry.source.read_bytes()) for entry in sealed)
    return (f"# of files with digest {digest_of(contents)[:16]}",)
