"""Pipelines as text: a formula for ``repr``, a drawing for the terminal, and Mermaid."""

from __future__ import annotations

from collections.abc import Mapping

from synapse_core.pipeline.drawing.blocks import draw_blocks
from synapse_core.pipeline.drawing.lanes import draw_lanes
from synapse_core.pipeline.drawing.listing import draw_list
from synapse_core.pipeline.drawing.mermaid import draw_mermaid
from synapse_core.pipeline.drawing.shape import formula
from synapse_core.pipeline.plan import Plan

__all__ = ["draw", "formula"]


def draw(plan: Plan, format: str, status: Mapping[str, str], width: int) -> str:  # noqa: A002  what users call it
    """The plan as ``text`` or as ``mermaid``; see `PipelineGraph.graph`."""
    if format == "mermaid":
        return draw_mermaid(plan, status)
    if format == "text":
        return draw_blocks(plan, status, width) or draw_lanes(plan, status, width) or draw_list(plan, status, width)
    raise ValueError(f"there is no format {format!r}; there are 'text' and 'mermaid'")
