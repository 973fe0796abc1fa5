"""The rows as a table for the terminal, and as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.rows import HEADINGS, Row

_NOTES = (
    "ours: the median over the repeats; best: the least of them; limit: the median of the same work with bare parts, "
    "sampled in turn with ours; ~: the quartiles lie 1.5 × apart or more, so the figure is bound by noise."
)


def as_text(rows: Sequence[Row]) -> str:
    """Columns that line up."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join([*(_line(line, widths) for line in lines), "", _NOTES])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *figures, last = (
        cell.ljust(width) if place in {0, len(cells) - 1} else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *figures, last]).rstrip()


def as_markdown(title: str, facts: Mapping[str, str], rows: Sequence[Row]) -> str:
    """A page: when and on what, the table, and what each row means."""
    return "\n".join(
        [
            f"# {title}",
            "",
            *(f"- {name}: {fact}" for name, fact in facts.items()),
            "",
            _row(HEADINGS),
            _row(["---", *["--:"] * (len(HEADINGS) - 2), "---"]),
            *(_row(row.cells()) for row in rows),
            "",
            _NOTES,
            "",
            "## What is measured",
            "",
            *(f"- **{row.name}.** {row.about} Limit: {row.bare_about}." for row in rows),
            "",
        ]
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
