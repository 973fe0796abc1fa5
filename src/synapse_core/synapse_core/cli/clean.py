"""``synapse clean``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.state import debug_option

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_RUN_ID = re.compile(r"[0-9a-f]{24}")


def _age(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    """``7d``, ``12h``: seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is no age; write 7d, 12h or 30m")
    return float(match[1]) * _UNITS[match[2]]


class _Folder(NamedTuple):
    """A run's folder: when anything in it was last written, and how much it holds."""

    path: Path
    written: float
    size: int


_EPILOG = epilog("""
Examples:
  synapse clean                        list what nothing was written to for a week
  synapse clean --older-than 30d -y    remove what is older than a month
""")


@click.command(epilog=_EPILOG)
@click.option(
    "--older-than",
    "age",
    callback=_age,
    default="7d",
    show_default=True,
    metavar="AGE",
    help="Nothing written for that long.",
)
@click.option("--base", metavar="FOLDER", help="The folder of the runs; that of this user by default.")
@click.option("-y", "--yes", is_flag=True, help="Remove them; without it they are only listed.")
@debug_option
def clean(age: float, base: str | None, yes: bool) -> int:
    """Remove the folders of old runs.

    Only what runs have left in their working folders is removed, never what a store keeps of them. Without --yes
    nothing is removed: what would be is listed.
    """
    import time

    from synapse_core.context import data_home

    place = Path(base) if base else data_home() / "runs"
    limit = time.time() - age
    found = sorted(folder for folder in _folders(place) if folder.written < limit)
    removed = [folder for folder in found if _told(folder, remove=yes)]
    total = _size(sum(folder.size for folder in removed))
    if yes:
        print(f"removed {len(removed)} folders, {total}, from {place}")
    else:
        print(f"{len(removed)} folders, {total}, in {place}" + ("; --yes removes them" if removed else ""))
    return 0 if len(removed) == len(found) else 1


def _folders(place: Path) -> Iterator[_Folder]:
    """The folders that bear a run's id; links are none."""
    if not place.is_dir():
        return
    for path in place.iterdir():
        if _RUN_ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            found = [each.lstat() for each in (path, *path.rglob("*"))]
            yield _Folder(path, max(stat.st_mtime for stat in found), sum(stat.st_size for stat in found))


def _told(folder: _Folder, *, remove: bool) -> bool:
    """Remove the folder, if that is wanted, and say so; whether it went well."""
    import shutil
    from datetime import datetime

    if remove:
        try:
            shutil.rmtree(folder.path)
        except OSError as error:
            from synapse_core.cli.telling import complain

            complain(f"{folder.path} cannot be removed: {error.strerror}")
            return False
    at = datetime.fromtimestamp(folder.written).astimezone()
    print(f"{folder.path.name}  {at:%Y-%m-%d %H:%M}  {_size(folder.size):>9}")
    return True


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
