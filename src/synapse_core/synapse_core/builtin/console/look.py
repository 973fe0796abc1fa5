"""How states, bars and branches look: with Unicode, or with ASCII where the terminal has no more."""

from __future__ import annotations

import os
from collections.abc import Mapping

from attrs import frozen
from rich.console import Console

from synapse_core.models import ActionStatus, LogLevel, RunStatus

STYLES: Mapping[str, str] = {
    ActionStatus.PENDING: "dim",
    ActionStatus.RUNNING: "cyan",
    ActionStatus.COMPLETED: "green",
    ActionStatus.FAILED: "bold red",
    ActionStatus.SKIPPED: "yellow",
    RunStatus.CANCELLED: "bold yellow",
}
"""The colour of a state, of an action's or a run's."""

LEVEL_STYLES: Mapping[str, str] = {
    LogLevel.DEBUG: "dim",
    LogLevel.INFO: "blue",
    LogLevel.WARNING: "yellow",
    LogLevel.ERROR: "red",
    LogLevel.CRITICAL: "bold red",
}


@frozen
class Look:
    """The characters to draw with.

    Attributes:
        marks: of each state; ``spinner`` stands for running where it can turn.
        bar: done, the half cell at its end, and the rest.
        trunk, fork, last, first: a line that goes on; a branch with more below, the last one, one with nothing above.
    """

    marks: Mapping[str, str]
    spinner: str
    bar: tuple[str, str, str]
    trunk: str
    fork: str
    last: str
    first: str
    ellipsis: str
    dot: str
    encoding: str = "utf-8"


_UNICODE = Look(
    marks={
        ActionStatus.PENDING: "·",
        ActionStatus.RUNNING: "●",
        ActionStatus.COMPLETED: "✓",
        ActionStatus.FAILED: "✗",
        ActionStatus.SKIPPED: "↷",
        RunStatus.CANCELLED: "■",
    },
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    bar=("━", "╸", "─"),
    trunk="│ ",
    fork="├─",
    last="╰─",
    first="╭─",
    ellipsis="…",
    dot="·",
)


def _ascii(encoding: str) -> Look:
    return Look(
        marks={
            ActionStatus.PENDING: ".",
            ActionStatus.RUNNING: "*",
            ActionStatus.COMPLETED: "+",
            ActionStatus.FAILED: "x",
            ActionStatus.SKIPPED: ">",
            RunStatus.CANCELLED: "!",
        },
        spinner="-\\|/",
        bar=("=", ">", "."),
        trunk="| ",
        fork="|-",
        last="`-",
        first=",-",
        ellipsis="..",
        dot="-",
        encoding=encoding,
    )


def look_of(console: Console) -> Look:
    """The look that a console can show."""
    plain = os.environ.get("TERM") == "dumb" or console.legacy_windows
    return _ascii(_known(console.encoding)) if plain or console.options.ascii_only else _UNICODE


def _known(encoding: str) -> str:
    import codecs

    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "ascii"
