"""Words for the user on standard error: warnings, errors, hints."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from synapse_core.builtin.console.text import clean

if TYPE_CHECKING:
    import logging


def say(text: str) -> None:
    """A line, or several, on standard error."""
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print(text if coloured else click.unstyle(text), file=sys.stderr, flush=True)


def warn(text: object) -> None:
    """A warning."""
    say(_headed("warning", "yellow", str(text)))


def complain(text: str, hint: str | None = None) -> None:
    """An error, and what to do about it."""
    say(_headed("error", "red", text))
    if hint:
        say(f"  {click.style('hint:', bold=True)} {_harmless(hint)}")


def quote(text: str) -> None:
    """Something of others, a traceback say, below an error."""
    say("\n".join(f"  {line}" for line in _harmless(text.rstrip("\n")).split("\n")))


def tell_of_logs() -> None:
    """Show what Synapse logs and warns of as warnings; both may come while a run is shown."""
    import logging
    import warnings

    logger = logging.getLogger("synapse")
    if not logger.handlers:
        logger.addHandler(_handler())
        logger.propagate = False
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: object) -> None:
        if category.__module__.partition(".")[0] == "synapse_core":
            warn(message)
        else:
            shown(message, category, *where)  # type: ignore[arg-type]

    warnings.showwarning = show  # type: ignore[assignment]


def _handler() -> logging.Handler:
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warn(record.getMessage())

    return Handler(logging.WARNING)


def _headed(head: str, colour: str, text: str) -> str:
    first, *more = _harmless(text).split("\n")
    return "\n".join([f"{click.style(f'{head}:', fg=colour, bold=True)} {first}", *(f"  {line}" for line in more)])


def _harmless(text: str) -> str:
    return "\n".join(clean(line.expandtabs()) for line in text.split("\n"))
