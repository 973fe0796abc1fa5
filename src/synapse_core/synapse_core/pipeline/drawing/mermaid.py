"""The drawing as Mermaid text, which GitHub, editors and notebooks show."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from synapse_core.models import ActionStatus
from synapse_core.pipeline.drawing.marks import label
from synapse_core.pipeline.plan import Plan, PlanNode

_CLASSES: dict[str, str] = {
    ActionStatus.PENDING: "fill:#f6f8fa,stroke:#8c959f,color:#57606a",
    ActionStatus.RUNNING: "fill:#ddf4ff,stroke:#0969da,color:#0969da",
    ActionStatus.COMPLETED: "fill:#dafbe1,stroke:#1a7f37,color:#116329",
    ActionStatus.FAILED: "fill:#ffebe9,stroke:#cf222e,color:#a40e26",
    ActionStatus.SKIPPED: "fill:#f6f8fa,stroke:#8c959f,color:#8c959f,stroke-dasharray:4",
}
_SPECIAL = re.compile(r"[^\w\s.,:?!()/+=-]")


def draw_mermaid(plan: Plan, status: Mapping[str, str]) -> str:
    """A flowchart from left to right; a node with ``each`` has double sides, one with ``when`` is a hexagon."""
    lines = ["---", f"title: {json.dumps(plan.name, ensure_ascii=False)}", "---", "flowchart LR"]
    lines += [f"    n{node.index}{_box(node)}" for node in plan]
    lines += [f"    n{plan.index(need)} --> n{node.index}" for node in plan for need in node.needs]
    for name, style in _CLASSES.items():
        nodes = [f"n{node.index}" for node in plan if status.get(node.name) == name]
        if nodes:
            lines += [f"    classDef {name} {style}", f"    class {','.join(nodes)} {name}"]
    return "\n".join(lines)


def _box(node: PlanNode) -> str:
    text = _SPECIAL.sub(lambda found: f"#{ord(found[0])};", label(node))
    left, right = ("[[", "]]") if node.each is not None else ("{{", "}}") if node.when is not None else ("[", "]")
    return f'{left}"{text}"{right}'
