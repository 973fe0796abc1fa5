"""How the width of the terminal is shared out among the cells of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from synapse_core.builtin.console.cells import Cells
from synapse_core.builtin.console.look import STYLES, Look
from synapse_core.builtin.console.text import visible
from synapse_core.builtin.console.tree import Branch
from synapse_core.models import ActionProgress

_DEEPEST_SHARE = 5
"""Branches may indent a row by a fifth of the width; deeper graphs are drawn without them."""


@frozen
class Columns:
    """Widths in cells; 0 is a column that there is no room for.

    Attributes:
        name: the state's mark and the name, with the branches before it.
        tree: whether branches are drawn.
        done, rate, time: their texts, right-aligned.
        detail: what is left for the rest.
    """

    name: int
    tree: bool = True
    word: int = 0
    bar: int = 0
    done: int = 0
    time: int = 0
    rate: int = 0
    detail: int = 0

    @classmethod
    def fit(cls, width: int, rows: Sequence[tuple[ActionProgress, Branch]]) -> Columns:
        """Give each column its room, the most telling first, until there is none left."""
        deepest = max((place.depth for _, place in rows), default=0)
        tree = 2 * deepest <= width // _DEEPEST_SHARE
        names = max((cell_len(visible(a.name)) + 2 + 2 * tree * place.depth for a, place in rows), default=0)
        sizes: dict[str, Any] = {"name": min(names, max(width // 3, 14), 36), "tree": tree}
        room = width - sizes["name"]
        for column, size, cost in _WANTED:
            if room < cost:
                break
            sizes[column], room = size, room - cost
        return cls(**sizes)._grown(room)

    def _grown(self, room: int) -> Columns:
        """Share out what is left: the bar up to 20, and the rest for what there is to tell."""
        more = min(room // 4 if self.detail else room, 20 - self.bar) if self.bar else 0
        detail = self.detail + room - more if self.detail else max(room - more - 2, 0)
        return evolve(self, bar=self.bar + more, detail=detail if detail >= 8 else 0)

    def lead(self, action: ActionProgress, place: Branch, mark: str, look: Look) -> Text:
        """The branches, the state's mark and the name."""
        text = Text().append(_branch(place, look) if self.tree else "", "dim")
        text.append(mark, STYLES[action.status])
        room = self.name - text.cell_len - 1
        name = visible(action.name, look.encoding)
        if cell_len(name) > room:
            name = set_cell_size(name, max(room - len(look.ellipsis), 1)) + look.ellipsis
        text.append(" " + set_cell_size(name, room), "dim" if action.status == "pending" else "default")
        return text

    def numbers(self, text: Text, cells: Cells, style: str, phase: int, look: Look) -> Text:
        """The bar and what stands right of it."""
        if self.bar:
            text.append("  ")
            text.append_text(bar(cells.fraction, self.bar, style, look, phase))
        for column, content in ((self.done, cells.done), (self.rate, cells.rate), (self.time, cells.time)):
            if column:
                text.append(padded(content, column))
        if self.detail and cells.detail:
            text.append(f"  {cells.detail}", "dim")
        return text


# The columns in the order in which they get room: what they are set to, and what that takes with the gap before.
_WANTED = (("done", 5, 5), ("word", 9, 11), ("bar", 6, 8), ("time", 12, 12), ("detail", 14, 16), ("rate", 10, 10))


def padded(content: str, width: int) -> str:
    """``content`` right-aligned, one blank at least before it."""
    return f" {content[: width - 1]:>{width - 1}}"


def fitted(text: Text, width: int, look: Look) -> Text:
    """The text in one line of at most ``width`` cells."""
    if text.cell_len > width:
        text.truncate(max(width - len(look.ellipsis), 0))
        text.append(look.ellipsis)
    text.no_wrap, text.overflow, text.end = True, "crop", "\n"
    return text


def bar(fraction: float | None, width: int, style: str, look: Look, phase: int = 0) -> Text:
    """A bar ``width`` cells wide, full to ``fraction``; a light that wanders where that is not known."""
    full, half, rest = look.bar
    if fraction is None:
        return _wandering(width, style, look, phase)
    halves = int(fraction * width * 2 + 1e-9)
    done = full * (halves // 2) + (half if halves % 2 else "")
    return Text.assemble((done, style), (rest * (width - len(done)), "bright_black"))


def _wandering(width: int, style: str, look: Look, phase: int) -> Text:
    full, _, rest = look.bar
    size = max(width // 4, 1)
    start = phase % (2 * (width - size) or 1)
    start = min(start, 2 * (width - size) - start)
    parts = ((rest * start, "bright_black"), (full * size, style), (rest * (width - size - start), "bright_black"))
    return Text.assemble(*parts)


def _branch(place: Branch, look: Look) -> str:
    if not place.depth:
        return ""
    above = "".join(look.trunk if goes_on else "  " for goes_on in place.trunks[:-1])
    goes_on = place.trunks[-1]
    if not place.starts:
        return above + (look.trunk if goes_on else "  ")
    return above + (look.first if place.first else look.fork if goes_on else look.last)
