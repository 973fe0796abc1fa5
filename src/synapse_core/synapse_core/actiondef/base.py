"""`BaseAction`: the class that an action subclasses."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from synapse_core.context import RuntimeContext
    from synapse_core.loggers import BaseLogger
    from synapse_core.models import LogLevel
    from synapse_core.types import DataType

P = TypeVar("P")

StopMode = Literal["cooperative", "hard"]
"""How an action can be stopped: by asking it; or, whatever it does, as it has a process of its own to be killed."""

STOP_MODES = ("cooperative", "hard")


class PluginCategory(StrEnum):
    """What a plugin or an action is for; used to group them."""

    NEURAL_NET = "neural_net"
    EXPORT = "export"
    UPLOAD = "upload"
    SMART_TOOL = "smart_tool"
    PRE_ANNOTATION = "pre_annotation"
    POST_ANNOTATION = "post_annotation"
    DATA_VALIDATION = "data_validation"
    CUSTOM = "custom"


class NoResult:
    """The ``result_model`` of an action whose result has no schema, and so is not validated."""


class BaseAction(Generic[P]):
    """A unit of work: typed params in, typed result out.

    Subclass it with a params model and write ``execute``, sync or async::

        class Train(BaseAction[TrainParams]):
            def execute(self) -> TrainResult: ...

    ``BaseAction[dict]`` and a bare ``BaseAction`` take the params as a plain dict. One with ``stop = "hard"`` is run in
    a child process of its own wherever it runs, so that a cancel or a timeout ends it and all that it has started.
    """

    action_name: ClassVar[str | None] = None
    category: ClassVar[PluginCategory | str] = PluginCategory.CUSTOM
    description: ClassVar[str | None] = None
    version: ClassVar[str] = ""
    input_type: ClassVar[type[DataType] | None] = None
    output_type: ClassVar[type[DataType] | None] = None
    params_model: ClassVar[type | None] = None
    result_model: ClassVar[Any] = NoResult
    stop: ClassVar[StopMode] = "cooperative"

    def __init__(self, params: P, ctx: RuntimeContext) -> None:
        self.params = params
        self.ctx = ctx

    def execute(self) -> Any:
        """Do the work and return the result."""
        raise NotImplementedError(f"{type(self).__qualname__} has no execute()")

    @property
    def logger(self) -> BaseLogger:
        """The run's logger, bound to this action."""
        return self.ctx.logger

    def set_progress(self, current: float, total: float | None = None, category: str | None = None) -> None:
        """Say how far the action is; see `RuntimeContext.set_progress`."""
        self.ctx.set_progress(current, total, category)

    def set_metrics(self, metrics: Mapping[str, Any], category: str | None = None) -> None:
        """Record metrics; see `RuntimeContext.set_metrics`."""
        self.ctx.set_metrics(metrics, category)

    def log(self, event: str, data: Mapping[str, Any] | None = None, level: LogLevel | str = "info") -> None:
        """Log a structured event; see `RuntimeContext.log`."""
        self.ctx.log(event, data, level)

    def autolog(self, framework: str) -> bool:
        """Have ``framework`` log by itself, by the plugin that knows it; see `RuntimeContext.autolog`."""
        return self.ctx.autolog(framework)
