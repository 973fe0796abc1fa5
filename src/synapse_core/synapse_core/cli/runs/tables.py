"""Tables: fitted to a terminal and coloured there, plain and whole elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from synapse_core.builtin.console.look import STYLES, Look, look_of
from synapse_core.builtin.console.terminal import terminal
from synapse_core.builtin.console.text import visible
from synapse_core.cli.tables import show, table

Cell = str | Text


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows under heads; in a terminal too long a cell is cut, the last column first."""
    console = terminal()
    if not console.is_terminal:
        show(table(heads, [[cell if isinstance(cell, str) else cell.plain for cell in row] for row in rows]))
        return
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for head in heads[:-1]:
        drawn.add_column(head, no_wrap=True)
    drawn.add_column(heads[-1], no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        drawn.add_row(*(Text(visible(cell, console.encoding)) if isinstance(cell, str) else cell for cell in row))
    console.print(drawn)


def state_cell(status: str, *, gone: bool = False) -> Text:
    """A state with its mark, in its colour; ``gone``: nobody runs it any more."""
    look = look_of(terminal())
    mark = look.marks.get(status, "")
    return Text(f"{mark} {status}{'?' if gone else ''}", "bold yellow" if gone else STYLES.get(status, ""))


def look() -> Look:
    """How states look on standard output."""
    return look_of(terminal())
