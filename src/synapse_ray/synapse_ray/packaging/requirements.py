"""A requirements file as lines that mean the same on a worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from synapse_ray.errors import PackageError

THERE = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"
"""Where the shipped folder is on the worker while packages are installed; pip and uv put the value in."""

_NESTED = re.compile(r"^(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s*)(?P<file>\S.*)$")
_FOLDERED = re.compile(r"^(?P<option>-e|--editable|-f|--find-links)(?:\s*=\s*|\s+)(?P<place>\S.*)$")
_CONTINUED = re.compile(r"\\\r?\n")
_COMMENT = re.compile(r"(^|\s)#.*$")


@frozen
class Requirements:
    """What is installed on a worker.

    Attributes:
        lines: as in a requirements file.
        files: names, in the shipped folder, of what the lines refer to; those of folders end with ``/``.
    """

    lines: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def read_requirements(file: Path, folder: Path | None) -> Requirements:
    """The lines of a requirements file, with those of the files that it includes.

    Paths in it become those of the shipped folder on the worker.

    Args:
        file: the file.
        folder: the folder that is shipped, if any is.

    Raises:
        PackageError: a file that is named cannot be read, or is not in the shipped folder.
    """
    lines: list[str] = []
    files: list[str] = []
    for line, base in _lines(file, ()):
        text, used = _portable(line, base, folder)
        lines.append(text)
        files += used
    return Requirements(tuple(dict.fromkeys(lines)), tuple(dict.fromkeys(files)))


def _lines(file: Path, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    """Each line that says something, with the file it stands in; included files in place."""
    if file.resolve() in above:
        return
    for raw in _CONTINUED.sub("", _text(file, above)).splitlines():
        line = _COMMENT.sub("", raw).strip()
        nested = _NESTED.match(line)
        if nested and nested.group(1) in {"-r", "--requirement"} and "://" not in line:
            yield from _lines(file.parent / nested.group("file"), (*above, file.resolve()))
        elif line:
            yield line, file


def _text(file: Path, above: tuple[Path, ...]) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        where = f", which {above[-1]} includes," if above else ""
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        hint = (
            "mend the line that includes it" if above else "give requirements_file= one that is there, or leave it out"
        )
        raise PackageError(f"the requirements file {file}{where} cannot be read: {why}", hint=hint) from error


def _portable(line: str, file: Path, folder: Path | None) -> tuple[str, list[str]]:
    """The line with paths as they are on the worker, and the names of the files that it needs there."""
    option = _NESTED.match(line) or _FOLDERED.match(line)
    if option is None:
        return _placed(line, line, file, folder) if _is_path(line) else (line, [])
    place = option.groupdict().get("file") or option.groupdict().get("place") or ""
    if "://" in place:
        return line, []
    name = re.split(r"[=\s]", line, maxsplit=1)[0] if line.startswith("--") else line[:2]
    text, used = _placed(place, line, file, folder)
    return f"{name} {text}", used


def _is_path(line: str) -> bool:
    """Whether a line is a path, which pip takes for what to install, not a name."""
    first = re.split(r"[@\s]", line, maxsplit=1)[0]
    return "://" not in line and not line.startswith("-") and (line[0] in "./~" or "/" in first)


def _placed(place: str, line: str, file: Path, folder: Path | None) -> tuple[str, list[str]]:
    path, bracket, extras = place.partition("[")
    here = (file.parent / Path(path.strip()).expanduser()).resolve()
    root = folder.resolve() if folder is not None else None
    if root is None or not here.is_relative_to(root):
        raise PackageError(
            f"{line!r} in {file} leads to {here}, which is not shipped to the cluster",
            hint="put it into working_dir (a wheel: into wheels/), or name a package that can be downloaded",
        )
    if not here.exists():
        hint = "mend the line, or put there what it names; paths are taken from the folder of the file they stand in"
        raise PackageError(f"{line!r} in {file} leads to {here}, which does not exist", hint=hint)
    name = here.relative_to(root).as_posix()
    used = [f"{name}/" if here.is_dir() else name]
    return f"{THERE}/{name}{bracket}{extras}".removesuffix("/."), used
