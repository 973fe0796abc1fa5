"""Confusion matrices: counted, and drawn as text and as SVG."""

from __future__ import annotations

import numpy as np

from .data import Labels
from .network import CLASSES

Counts = list[list[int]]
"""How many images of a digit (the row) were read as each digit (the column)."""

CELL, LEFT, TOP = 44, 70, 96
STYLE = "text{font-family:system-ui,sans-serif;font-size:14px;text-anchor:middle;fill:#334155}"


def count(truth: Labels, read: Labels) -> Counts:
    """The matrix."""
    counts = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(counts, (truth, read), 1)
    return [[int(number) for number in row] for row in counts]


def accuracy(counts: Counts) -> float:
    """The part of all images that was read rightly."""
    return sum(counts[digit][digit] for digit in range(CLASSES)) / sum(map(sum, counts))


def summary(counts: Counts) -> str:
    """``98.6% of 359 held-out images read rightly``."""
    return f"{accuracy(counts):.1%} of {sum(map(sum, counts))} held-out images read rightly"


def as_text(counts: Counts) -> str:
    """The matrix in letters; what did not happen is a dot."""
    head = "     " + "".join(f"{digit:>4}" for digit in range(CLASSES)) + "   ← read as"
    rows = ["".join(f"{number or '·':>4}" for number in row) for row in counts]
    return "\n".join([head, *(f"{digit:>4} {row}" for digit, row in enumerate(rows))])


def as_svg(counts: Counts) -> str:
    """The matrix as a picture: what was read rightly in green, what was not in red."""
    width, height = LEFT + CLASSES * CELL + 30, TOP + CLASSES * CELL + 30
    middle = LEFT + CLASSES * CELL / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#ffffff"/>',
        _text(middle, 32, summary(counts), "font-weight:600;font-size:17px"),
        _text(middle, 60, "read as", "fill:#64748b"),
        f'<text transform="translate(24 {TOP + CLASSES * CELL / 2}) rotate(-90)" style="fill:#64748b">written</text>',
    ]
    for digit, row in enumerate(counts):
        along, down = LEFT + (digit + 0.5) * CELL, TOP + (digit + 0.5) * CELL
        parts += [_text(along, TOP - 12, str(digit)), _text(LEFT - 18, down + 5, str(digit))]
        parts += [_cell(digit, read, number, sum(row)) for read, number in enumerate(row)]
    return "\n".join([*parts, "</svg>", ""])


def _cell(digit: int, read: int, number: int, of: int) -> str:
    x, y = LEFT + read * CELL, TOP + digit * CELL
    colour = "#0d9488" if digit == read else "#dc2626"
    strength = (number / of if digit == read else min(1.0, 0.15 + 3 * number / of)) if number else 0
    box = f'<rect x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{CELL - 2}" rx="5"'
    back = f'{box} fill="#f1f5f9"/>{box} fill="{colour}" fill-opacity="{strength:.2f}"/>'
    ink = "fill:#ffffff" if strength > 0.5 else "fill:#334155"
    return back + (_text(x + CELL / 2, y + CELL / 2 + 5, str(number), ink) if number else "")


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"' + (f' style="{style}"' if style else "") + f">{text}</text>"
