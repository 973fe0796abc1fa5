"""`packed`: a folder as one archive, the same bytes for the same content, with a limit to its size."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from attrs import frozen

from synapse_ray.errors import PackageError
from synapse_ray.packaging.listing import Entry

LIMIT = 500 * 2**20
"""The largest archive, in bytes: Ray keeps it in the memory of the head node, and takes no more than 512 MiB."""

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive, so that the same content is the same bytes: the first that there can be."""

_NAMED = 5
_DENSEST = 20
"""How many times smaller code and data become at most; what is larger than that is not even tried."""

_CHUNK = 1 << 20


@frozen
class Package:
    """An archive that is ready to be uploaded.

    Attributes:
        path: the file; it is gone when the block of `packed` is left.
        digest: of its content; the same content, file names and modes give the same one.
        size: of the archive, in bytes.
        raw_size: of what is in it, in bytes.
        count: how many files.
        largest: the largest files and their sizes, the largest first.
    """

    path: Path
    digest: str
    size: int
    raw_size: int
    count: int
    largest: Sequence[tuple[str, int]] = ()

    def __str__(self) -> str:
        files = f"{self.count} file" + ("" if self.count == 1 else "s")
        return f"{files}, {size_text(self.raw_size)}, {size_text(self.size)} packed"


@contextmanager
def packed(
    entries: Sequence[Entry], added: Mapping[str, bytes] | None = None, *, what: str, limit: int = LIMIT
) -> Iterator[Package]:
    """The archive of some files, for the block.

    Args:
        entries: the files.
        added: more files, by name: their content.
        what: what they are of, for messages: a folder.
        limit: bytes that the archive may have.

    Raises:
        PackageError: it is larger, or a file cannot be read.
    """
    folder = Path(tempfile.mkdtemp(prefix="synapse-package-"))
    try:
        path = folder / "package.zip"
        with path.open("wb") as out:
            _write(out, entries, added or {}, what, limit)
        sizes = _sizes(entries, added or {})
        digest = _digest(path)
        yield Package(path, digest, path.stat().st_size, sum(sizes.values()), len(sizes), largest(sizes))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(out: IO[bytes], entries: Sequence[Entry], added: Mapping[str, bytes], what: str, limit: int) -> None:
    sizes = _sizes(entries, added)
    if sum(sizes.values()) > limit * _DENSEST:
        raise _too_large(what, sizes, limit)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for entry in entries:
            _add(archive, entry)
            if out.tell() > limit:
                raise _too_large(what, sizes, limit)
        for name, content in sorted(added.items()):
            archive.writestr(_info(name, executable=False), content)
    if out.tell() > limit:
        raise _too_large(what, sizes, limit)


def _add(archive: zipfile.ZipFile, entry: Entry) -> None:
    info = _info(entry.name, executable=entry.executable)
    if info.is_dir():
        archive.writestr(info, b"")
        return
    try:
        with entry.source.open("rb") as source, archive.open(info, "w", force_zip64=entry.size > 2**31) as target:
            shutil.copyfileobj(source, target, _CHUNK)
    except OSError as error:
        hint = "make it readable, or leave it out by a line in .synapseignore"
        raise PackageError(f"{entry.source} cannot be shipped: {error.strerror}", hint=hint) from error


def _info(name: str, *, executable: bool) -> zipfile.ZipInfo:
    """What the archive says of a file: nothing that depends on when or by whom it was made."""
    info = zipfile.ZipInfo(name, LONG_AGO)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = (0o40755 if name.endswith("/") else 0o100755 if executable else 0o100644) << 16
    return info


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def digest_of(files: Iterable[tuple[str, bytes]]) -> str:
    """Of the names and contents of files, in that order."""
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _sizes(entries: Sequence[Entry], added: Mapping[str, bytes]) -> dict[str, int]:
    files = {entry.name: entry.size for entry in entries if not entry.name.endswith("/")}
    return files | {name: len(content) for name, content in added.items()}


def largest(sizes: Mapping[str, int]) -> list[tuple[str, int]]:
    """The few largest files, the largest first."""
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]


def _too_large(what: str, sizes: Mapping[str, int], limit: int) -> PackageError:
    named = "\n".join(f"  {size_text(size):>10}  {name}" for name, size in largest(sizes))
    return PackageError(
        f"{what} is too large to be shipped: {size_text(sum(sizes.values()))} in {len(sizes)} files do not fit into "
        f"{size_text(limit)} when packed; the largest:\n{named}",
        hint="leave out what workers do not need by lines in .synapseignore; let actions read data from where it is",
    )


def size_text(size: float) -> str:
    """``1.5 MiB``."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
