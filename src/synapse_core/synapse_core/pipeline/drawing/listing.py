"""The drawing of what is too large or too tangled to be drawn: a line a node, with what it needs."""

from __future__ import annotations

from collections.abc import Mapping

from synapse_core.pipeline.drawing.marks import PLAIN, columns, cut, label, symbol
from synapse_core.pipeline.plan import Plan


def draw_list(plan: Plan, status: Mapping[str, str], width: int) -> str:
    """The nodes in topological order: ``● compare ← train-a, train-b``, each line cut to ``width``."""
    labels = [label(node) for node in plan]
    widest = max(map(columns, labels))
    rows = []
    for node, text in zip(plan, labels, strict=True):
        needs = f" ← {', '.join(node.needs)}" if node.needs else ""
        gap = " " * (min(widest, width // 2) - columns(text)) if needs else ""
        rows.append(cut(f"{symbol(node, status) or PLAIN} {text}{gap}{needs}", width))
    return "\n".join(rows)
