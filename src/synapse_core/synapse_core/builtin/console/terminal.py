"""The terminal that is written to where nobody gives a console."""

from __future__ import annotations

import os
from functools import cache

from rich.console import Console

from synapse_core.builtin.console.output import drop_output


class TerminalConsole(Console):
    """Standard output. Text of users is never read as markup; a reader that has gone away (``| head``) is no error."""

    def __init__(self) -> None:
        super().__init__(markup=False, highlight=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Write no more."""
        self.quiet = True
        drop_output()


@cache
def terminal() -> Console:
    """The console of standard output: one, so that several displays share it."""
    return TerminalConsole()


def can_redraw(console: Console) -> bool:
    """Whether standard output is a terminal that can move its cursor, and no CI's log."""
    return console.is_interactive and console.file.isatty() and not os.environ.get("CI")
