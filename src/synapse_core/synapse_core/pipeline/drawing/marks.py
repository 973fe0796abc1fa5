"""The signs and words that drawings have in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from synapse_core.models import ActionStatus
from synapse_core.pipeline.plan import PlanNode

_SYMBOLS: dict[str, str] = {
    ActionStatus.PENDING: "○",
    ActionStatus.RUNNING: "▶",
    ActionStatus.COMPLETED: "✓",
    ActionStatus.FAILED: "✗",
    ActionStatus.SKIPPED: "–",
}
PLAIN = "●"


def symbol(node: PlanNode, status: Mapping[str, str]) -> str:
    """The sign of the node's status; ``?`` for one that is not known, nothing where none is told."""
    found = status.get(node.name)
    return "" if found is None else _SYMBOLS.get(found, "?")


def label(node: PlanNode) -> str:
    """The node's name, with the list it fans out over (``train[files]``) and ``?`` if it runs only ``when``."""
    fan_out = "" if node.fan_out is None else f"[{node.fan_out.source}]"
    return f"{node.name}{fan_out}{'' if node.when is None else '?'}"


def columns(text: str) -> int:
    """How many columns the text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The text, or as much of its beginning as fits."""
    if columns(text) <= width:
        return text
    while text and columns(text) >= width:
        text = text[:-1]
    return f"{text}…"
