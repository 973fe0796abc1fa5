"""Tables: coloured, and cut to its width, in a terminal; plain and whole elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from synapse_core.builtin.console.columns import fitted
from synapse_core.builtin.console.look import STYLES, Look, look_of
from synapse_core.builtin.console.terminal import terminal
from synapse_core.builtin.console.text import visible
from synapse_core.cli.tables import show, table

Cell = str | Text


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows under heads; in a terminal a row that is too long is cut at its end."""
    console = terminal()
    if not console.is_terminal:
        show(table(heads, [[cell if isinstance(cell, str) else cell.plain for cell in row] for row in rows]))
        return
    lines = [[Text(head, "bold") for head in heads], *([_text(cell) for cell in row] for row in rows)]
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        console.print(fitted(_line(line, widths), console.width, look()))


def _text(cell: Cell) -> Text:
    """The cell; blanks before it, which indent it, stay."""
    if isinstance(cell, Text):
        return cell
    return Text(" " * (len(cell) - len(cell.lstrip())) + visible(cell, look().encoding))


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append_text(cell).append(" " * (width - cell.cell_len + 2))
    line.rstrip()
    return line


def state_cell(status: str, *, gone: bool = False) -> Text:
    """A state with its mark, in its colour; ``gone``: nobody runs it any more."""
    mark = look().marks.get(status, "")
    return Text(f"{mark} {status}{'?' if gone else ''}", "bold yellow" if gone else STYLES.get(status, ""))


def look() -> Look:
    """How states look on standard output."""
    return look_of(terminal())
