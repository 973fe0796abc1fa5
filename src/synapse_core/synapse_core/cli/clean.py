"""``synapse clean``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from synapse_core.cli.amounts import age_value, size_text
from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, kept
from synapse_core.ids import RUN_ID

if TYPE_CHECKING:
    from datetime import datetime, timedelta


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
    callback=age_value,
    default="7d",
    show_default=True,
    metavar="AGE",
    help="Nothing written for that long.",
)
@click.option("--base", metavar="FOLDER", help="The folder of the runs; that of this user by default.")
@click.option("-y", "--yes", is_flag=True, help="Remove them; without it they are only listed.")
@kept
def clean(state: State, store: str | None, *, age: timedelta, base: str | None, yes: bool) -> int:
    """Remove the folders of old runs.

    Only what runs have left in their working folders is removed, never what a store keeps of them. Without --yes
    nothing is removed: what would be is listed. The folder of a run that has not ended stays, and so does one that
    a run of the store refers to, if that has not ended or has since.
    """
    from synapse_core.context import data_home
    from synapse_core.events import now

    place, since = Path(base) if base else data_home() / "runs", now() - age
    old = sorted(folder for folder in _folders(place) if folder.written < since.timestamp())
    found = _unwanted(state, store, old, since) if old else []
    removed = [folder for folder in found if _told(folder, remove=yes)]
    total = size_text(sum(folder.size for folder in removed))
    if yes:
        print(f"removed {len(removed)} folders, {total}, from {place}")
    else:
        print(f"{len(removed)} folders, {total}, in {place}" + ("; --yes removes them" if removed else ""))
    return 0 if len(removed) == len(found) else 1


def _unwanted(state: State, store: str | None, old: list[_Folder], since: datetime) -> list[_Folder]:
    """The folders that no run of the store wants; of each other it is said why it stays."""
    from synapse_core.cli.telling import say
    from synapse_core.cli.wanted import wanted

    with state.session(store) as session:
        kept = session.call(wanted(session.store, [folder.path.name for folder in old], since))
    for run_id, reason in sorted(kept.items()):
        say(f"{run_id}  stays: {reason}")
    return [folder for folder in old if folder.path.name not in kept]


def _folders(place: Path) -> Iterator[_Folder]:
    """The folders that bear a run's id; links are none."""
    if not place.is_dir():
        return
    for path in place.iterdir():
        if RUN_ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            found = list(_looks(path))
            if found:
                yield _Folder(path, max(stat.st_mtime for stat in found), sum(stat.st_size for stat in found))


def _looks(path: Path) -> Iterator[os.stat_result]:
    """A folder and all in it, but for what goes while it is looked at, as a run that goes on removes it."""
    for folder, _, names in os.walk(path):
        for each in (Path(folder), *(Path(folder, name) for name in names)):
            with suppress(FileNotFoundError):
                yield os.lstat(each)


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
    print(f"{folder.path.name}  {at:%Y-%m-%d %H:%M}  {size_text(folder.size):>9}")
    return True
