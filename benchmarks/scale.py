"""How large the large things are: `full` is what ``--full`` says."""

from __future__ import annotations

full = False


def size(small: int, large: int) -> int:
    """``large`` where the full size is wanted, else ``small``."""
    return large if full else small
