"""The fenced blocks of a Markdown page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w+-]*)(?:\s+title=\"(?P<title>[^\"]+)\")?\s*$")
_SKIP = re.compile(r"^# doctest: skip-run\b:?\s*(?P<reason>.*)$", re.MULTILINE)


@frozen
class Block:
    """A fenced block.

    Attributes:
        title: the file that the block is the text of (``title="my_plugin/params.py"``), or empty.
        line: the line of the page that its first line is.
        heading: the last heading above it.
    """

    page: str
    language: str
    title: str
    text: str
    line: int
    heading: str

    @property
    def skip(self) -> str | None:
        """Why the block is not run; None if it is. There has to be a reason."""
        found = _SKIP.search(self.text)
        if found is None:
            return None
        assert found["reason"], f"{self}: skip-run needs a reason"
        return found["reason"]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return list(_blocks(page.name, page.read_text(encoding="utf-8").splitlines()))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    heading, opened, start = "", None, 0
    for number, line in enumerate(lines):
        if opened is None:
            opened, start = _FENCE.match(line), number + 1
            heading = line.lstrip("# ") if line.startswith("#") else heading
        elif line.strip() == "```":
            indent = len(opened["indent"])
            text = "\n".join(each[indent:] for each in lines[start:number]) + "\n"
            yield Block(page, opened["language"], opened["title"] or "", text, start + 1, heading)
            opened = None
    assert opened is None, f"{page}: the block in line {start} has no end"
