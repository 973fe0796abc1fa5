"""What of a folder is shipped: `listing`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import frozen

from synapse_ray.errors import PackageError
from synapse_ray.packaging.ignoring import Rules


@frozen(order=True)
class Entry:
    """A file, or an empty folder, that is shipped.

    Attributes:
        name: its path in the package, with ``/``; that of a folder ends with one.
        source: where it is here.
        size: bytes.
        executable: whether it may be run.
    """

    name: str
    source: Path
    size: int = 0
    executable: bool = False


def listing(folder: Path, excludes: Iterable[str] = (), keep: Iterable[str] = ()) -> list[Entry]:
    """All that is shipped of a folder, by name.

    Links are followed; what they lead to counts as if it stood there. Sockets, pipes and links that lead nowhere are
    left out.

    Args:
        folder: the folder.
        excludes: patterns of things to leave out, as in an ignore file; they go before those of the ignore files.
        keep: names of files that are shipped although they are ignored (wheels, requirements).

    Raises:
        PackageError: it is no folder, or something in it cannot be read.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise PackageError(f"working_dir {folder} {what}", hint="give the folder that the plugin's code stands in")
    found = {entry.name: entry for entry in _entries(folder, "", Rules.of(folder, excludes), ())}
    for name in keep:
        found.setdefault(name, _file(folder / name, name))
    return sorted(found.values())


def _entries(folder: Path, prefix: str, rules: Rules, above: Sequence[str]) -> Iterator[Entry]:
    real = os.path.realpath(folder)
    if real in above:
        return  # a link to a folder that it stands in
    rules = rules.within(folder)
    entries = _scan(folder)
    if prefix and not entries:
        yield Entry(prefix, folder)
    for entry in entries:
        path = folder / entry.name
        # git takes a link for a file, wherever it leads
        if rules.ignores(path, is_dir=entry.is_dir(follow_symlinks=False)):
            continue
        if entry.is_dir():
            yield from _entries(path, f"{prefix}{entry.name}/", rules, (*above, real))
        elif entry.is_file():
            yield _file(path, f"{prefix}{entry.name}")


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise _unreadable(folder, error) from error


def _file(path: Path, name: str) -> Entry:
    try:
        name.encode()
        if "\\" in name:
            raise PackageError(f"{path} cannot be shipped: its name has a backslash", hint=_LEAVE_OUT)
        status = path.stat()
    except UnicodeEncodeError as error:
        raise PackageError(f"{os.fsencode(path)!r} cannot be shipped: its name is no UTF-8", hint=_LEAVE_OUT) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    return Entry(name, path, status.st_size, bool(status.st_mode & stat.S_IXUSR))


_LEAVE_OUT = "rename it, or leave it out by a line in .synapseignore"


def _unreadable(path: Path, error: OSError) -> PackageError:
    hint = "make it readable, or leave it out by a line in .synapseignore"
    return PackageError(f"{path} cannot be shipped: {error.strerror}", hint=hint)
