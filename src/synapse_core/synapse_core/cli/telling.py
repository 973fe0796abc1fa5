"""Words for the user on standard error: warnings, errors, hints."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from synapse_core.builtin.console.text import clean


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


class Warnings:
    """Shows what Synapse logs and warns of, as warnings; what comes before `release` waits for it."""

    def __init__(self) -> None:
        self._held: list[str] | None = []

    def listen(self) -> None:
        """Take over from `logging` and `warnings`, for Synapse's own."""
        import logging
        import warnings

        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self._tell(record.getMessage())  # type: ignore[method-assign]
        logger = logging.getLogger("synapse")
        logger.addHandler(handler)
        logger.propagate = False
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if category.__module__.partition(".")[0] == "synapse_core":
                self._tell(str(message))
            else:
                others(message, category, *where)

        warnings.showwarning = show  # type: ignore[assignment]

    def release(self) -> None:
        """Show what was held back, and from now on everything at once."""
        held, self._held = self._held, None
        for text in held or ():
            warn(text)

    def _tell(self, text: str) -> None:
        if self._held is None:
            warn(text)
        else:
            self._held.append(text)


def _headed(head: str, colour: str, text: str) -> str:
    first, *more = _harmless(text).split("\n")
    return "\n".join([f"{click.style(f'{head}:', fg=colour, bold=True)} {first}", *(f"  {line}" for line in more)])


def _harmless(text: str) -> str:
    return "\n".join(clean(line.expandtabs()) for line in text.split("\n"))
