"""Help texts that keep their lines."""

from __future__ import annotations

import textwrap


def epilog(text: str) -> str:
    """What stands below a command's options: paragraphs that click is not to fill."""
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in textwrap.dedent(text).strip().split("\n\n"))
