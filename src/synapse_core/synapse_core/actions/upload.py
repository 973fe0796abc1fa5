"""`BaseUploadAction`: actions that send files somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from synapse_core.actiondef import PluginCategory
from synapse_core.actiondef.base import P
from synapse_core.actions.base import ActionContext, StepsAction


@define(eq=False)
class UploadContext(ActionContext):
    """What the steps of an upload share.

    Attributes:
        storage: Where to: a client, a bucket, a folder.
        source_files: What is to be sent.
        uploaded_files: What has been sent, as the storage names it; part of the outcome, and what a rollback removes.
    """

    outputs: ClassVar[tuple[str, ...]] = ("uploaded_files",)

    storage: Any = None
    source_files: list[str | Path] = field(factory=list)
    uploaded_files: list[str] = field(factory=list)


class BaseUploadAction(StepsAction[P]):
    """Sends files somewhere, in steps over an `UploadContext` or in ``execute``."""

    category = PluginCategory.UPLOAD
    context_class = UploadContext
