"""Tables and paragraphs on standard output, plain enough for grep."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

import click

from synapse_core.builtin.console.output import own_output
from synapse_core.builtin.console.text import visible

_GAP = "  "


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """`columns` under their names."""
    head, *more = columns([heads, *rows]).split("\n")
    return "\n".join([click.style(head, bold=True), *more])


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Columns as wide as they need; the last one wrapped on a terminal."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_row(row, widths, indent) for row in cells)


def _row(cells: Sequence[str], widths: Sequence[int], indent: str) -> str:
    lead = indent + "".join(cell.ljust(width) + _GAP for cell, width in zip(cells[:-1], widths, strict=False))
    first, *more = wrapped(cells[-1], len(lead)) or [""]
    return "\n".join([(lead + first).rstrip(), *(" " * len(lead) + line for line in more)])


def wrapped(text: str, indent: int) -> list[str]:
    """The text in lines that fit beside ``indent`` columns; one line where there is no terminal to fit."""
    if not sys.stdout.isatty():
        return [text]
    room = max(shutil.get_terminal_size().columns - indent, 20)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)


def show(text: str) -> None:
    """Print on standard output, with colours only where they can be seen."""
    import os

    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)


def show_json(data: object) -> None:
    """Print as JSON."""
    import json

    print(json.dumps(data, indent=2), file=own_output())
