"""`BaseExportAction`: actions that bring data or a model into another form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from attrs import define

from synapse_core.actiondef import PluginCategory
from synapse_core.actiondef.base import P
from synapse_core.actions.base import ActionContext, StepsAction


@define(eq=False)
class ExportContext(ActionContext):
    """What the steps of an export share.

    Attributes:
        source: What is exported: a model, or the items of a dataset.
        output_path: Where it went; part of the outcome.
        total_count: How many items there are; part of the outcome where it is known.
        exported_count: How many of them are done; part of the outcome.
    """

    outputs: ClassVar[tuple[str, ...]] = ("output_path", "total_count", "exported_count")

    source: Any = None
    output_path: str | Path | None = None
    total_count: int | None = None
    exported_count: int = 0


class BaseExportAction(StepsAction[P]):
    """Brings data or a model into another form, in steps over an `ExportContext` or in ``execute``."""

    category = PluginCategory.EXPORT
    context_class = ExportContext
