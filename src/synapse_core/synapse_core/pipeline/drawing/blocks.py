"""The drawing of what is composed of series and parallel parts, from left to right.

::

    download ── convert ─┬─ train-a ───────────┬─ compare
                         └─ train-b ── eval-b ─┘

A block is a list of rows of equal width; its first row is the line that goes through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from synapse_core.pipeline.drawing.marks import columns, label, symbol
from synapse_core.pipeline.drawing.shape import Parallel, Series, Shape, Tangle, shape_of
from synapse_core.pipeline.plan import Plan

_TO_BE_CONTINUED = "…"


@frozen
class _Block:
    """``rail_left`` and ``rail_right``: the first row begins or ends with a rail, and not with a name."""

    rows: list[str]
    rail_left: bool = False
    rail_right: bool = False

    @property
    def width(self) -> int:
        return columns(self.rows[0])


def draw_blocks(plan: Plan, status: Mapping[str, str], width: int) -> str | None:
    """The drawing; None where the plan is not so composed, or a part of it is wider than ``width``."""
    shape = shape_of(plan)
    if _tangled(shape):
        return None
    labels = [" ".join(filter(None, (symbol(node, status), label(node)))) for node in plan]
    blocks = _in_series(shape, labels) if isinstance(shape, Series) else [_block(shape, labels, False, False)]
    rows = _wrapped(blocks, width)
    return "\n".join(row.rstrip() for row in rows) if all(columns(row) <= width for row in rows) else None


def _tangled(shape: Shape) -> bool:
    return isinstance(shape, Tangle) or (isinstance(shape, Series | Parallel) and any(map(_tangled, shape.parts)))


def _block(shape: Shape, labels: Sequence[str], before: bool, after: bool) -> _Block:
    """The block of a shape; ``before`` and ``after`` say whether a line comes in and goes out."""
    if isinstance(shape, int):
        return _Block([labels[shape]])
    assert not isinstance(shape, Tangle)  # draw_blocks has looked
    if isinstance(shape, Series):
        return _joined(_in_series(shape, labels, before, after))
    return _stacked([_block(part, labels, before, after) for part in shape.parts], before, after)


def _in_series(shape: Series, labels: Sequence[str], before: bool = False, after: bool = False) -> list[_Block]:
    last = len(shape.parts) - 1
    return [_block(part, labels, before or place > 0, after or place < last) for place, part in enumerate(shape.parts)]


def _joined(blocks: Sequence[_Block]) -> _Block:
    """Blocks side by side, a line through their first rows."""
    made = blocks[0]
    for block in blocks[1:]:
        line = _LINES[made.rail_right, block.rail_left]
        height = max(len(made.rows), len(block.rows))
        between = [line] + [" " * len(line)] * (height - 1)
        rows = ["".join(row) for row in zip(_padded(made, height), between, _padded(block, height), strict=True)]
        made = _Block(rows, made.rail_left, block.rail_right)
    return made


# What stands between two blocks, by whether a rail ends the first, and whether one begins the second.
_LINES = {(False, False): " ── ", (False, True): " ─", (True, False): "─ ", (True, True): "─"}


def _padded(block: _Block, height: int) -> list[str]:
    return block.rows + [" " * block.width] * (height - len(block.rows))


def _stacked(branches: Sequence[_Block], before: bool, after: bool) -> _Block:
    """Blocks above each other, between a rail where a line comes in and one where it goes out."""
    if before:
        branches = [_with_left_rail(branch, place, len(branches) - 1) for place, branch in enumerate(branches)]
    if after:
        width = 1 + max(branch.width + (not branch.rail_right) for branch in branches)
        branches = [_with_right_rail(branch, place, len(branches) - 1, width) for place, branch in enumerate(branches)]
    width = max(branch.width for branch in branches)
    rows = [row + " " * (width - columns(row)) for branch in branches for row in branch.rows]
    return _Block(rows, before, after)


def _with_left_rail(branch: _Block, place: int, last: int) -> _Block:
    line = "─" if branch.rail_left else "─ "
    first = ("┬" if place == 0 else "└" if place == last else "├") + line
    other = (" " if place == last else "│") + " " * len(line)
    rows = [(other if number else first) + row for number, row in enumerate(branch.rows)]
    return _Block(rows, True, branch.rail_right)


def _with_right_rail(branch: _Block, place: int, last: int, width: int) -> _Block:
    gap = width - branch.width
    first = ("─" * gap if branch.rail_right else " " + "─" * (gap - 1)) + (
        "┬" if place == 0 else "┘" if place == last else "┤"
    )
    other = " " * gap + (" " if place == last else "│")
    rows = [row + (other if number else first) for number, row in enumerate(branch.rows)]
    return _Block(rows, branch.rail_left, True)


def _wrapped(blocks: Sequence[_Block], width: int) -> list[str]:
    """The blocks in series, on as many lines as they need."""
    lines: list[list[_Block]] = [[]]
    for block in blocks:
        if lines[-1] and _joined([*lines[-1], block, *_more(block, blocks)]).width > width:
            lines.append([_Block([_TO_BE_CONTINUED])])
        lines[-1].append(block)
    whole = [[*line, _Block([_TO_BE_CONTINUED])] for line in lines[:-1]] + lines[-1:]
    return [row for line in whole for row in _joined(line).rows]


def _more(block: _Block, blocks: Sequence[_Block]) -> list[_Block]:
    return [] if block is blocks[-1] else [_Block([_TO_BE_CONTINUED])]
