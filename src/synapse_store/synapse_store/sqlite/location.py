"""Where a store is and how it is written to: `Location`, from a path or a ``sqlite:`` URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote

from attrs import evolve, field, frozen

from synapse_core.context import data_home
from synapse_core.errors import StoreError, unknown

Durability = Literal["full", "normal"]

EXAMPLES = "write sqlite:///relative.db, sqlite:////absolute.db or sqlite: for the file in your user data folder"


def _durability(value: str) -> Durability:
    if value not in get_args(Durability):
        raise StoreError(unknown("durability", value, get_args(Durability)))
    return "full" if value == "full" else "normal"


def _seconds(value: str | float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise StoreError(f"{value!r} is no time in seconds", hint="give timeout=5")
    return seconds


def _absolute(path: str | os.PathLike[str]) -> Path:
    if os.fspath(path) == ":memory:":
        raise StoreError(
            "':memory:' is no file", hint="use the store memory: for runs that need not outlive the process"
        )
    if "\0" in os.fspath(path):
        raise StoreError(f"{os.fspath(path)!r} is no path: it has a null character", hint=EXAMPLES)
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100  `resolve` would lose a link's own name


@frozen
class Location:
    """A database file and how it is written to.

    Attributes:
        path: the file, absolute.
        durability: ``full`` survives a power cut, ``normal`` a killed process; both survive ``kill -9``.
        timeout: seconds to wait for other processes that write to the file.
    """

    path: Path = field(converter=_absolute)
    durability: Durability = field(default="full", converter=_durability)
    timeout: float = field(default=5.0, converter=_seconds)

    @property
    def blobs(self) -> Path:
        """The folder of values that are too large for the database."""
        return self.path.with_name(self.path.name + ".blobs")

    def __str__(self) -> str:
        return str(self.path)


def default_path() -> Path:
    """The file that runs of the command line are kept in."""
    return data_home() / "runs.db"


def parse_url(url: str) -> Location:
    """The location that ``sqlite:///runs.db?durability=normal`` names.

    Raises:
        StoreError: it names none, or has an option that there is not.
    """
    rest, _, query = url.partition("?")
    path = rest.partition(":")[2]
    if path.startswith("///"):
        path = unquote(path[3:])
    elif path:
        raise StoreError(f"{url!r} names no file", hint=EXAMPLES)
    location = Location(path or default_path())
    for name, value in parse_qsl(query, keep_blank_values=True):
        location = evolve(location, **{_option(name): value})
    return location


def _option(name: str) -> str:
    options = ("durability", "timeout")
    if name not in options:
        raise StoreError(unknown("option of a sqlite: URL", name, options))
    return name
