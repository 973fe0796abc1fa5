"""`BaseStepContext`: what the steps of one workflow share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from synapse_core.loggers import BaseLogger, NoOpLogger
from synapse_core.loggers.safe import as_number
from synapse_core.models import LogLevel

if TYPE_CHECKING:
    from synapse_core.context import RuntimeContext
    from synapse_core.steps.step import StepResult

_SILENT = NoOpLogger()


@define(eq=False)
class BaseStepContext:
    """What the steps of one workflow share.

    Subclass it, as an attrs class, with fields of your own::

        @attrs.define(eq=False)
        class MyContext(BaseStepContext):
            files: list[Path] = attrs.field(factory=list)

        context = MyContext(self.ctx)

    Without a runtime context it reports to nobody, so steps can be tried out by themselves.

    Attributes:
        runtime_ctx: The action's context.
        step_results: The result of each step so far, by its name; those of skipped steps too.
        errors: What went wrong, for people: the failing step's error, and those of rollbacks.
        current_step: The name of the step that is running or being rolled back.
    """

    runtime_ctx: RuntimeContext | None = None
    step_results: dict[str, StepResult] = field(factory=dict, kw_only=True)
    errors: list[str] = field(factory=list, kw_only=True)
    current_step: str | None = field(default=None, kw_only=True)
    _on_progress: Callable[[float], None] | None = field(default=None, init=False, repr=False)
    _rolling_back: bool = field(default=False, init=False, repr=False)

    @property
    def logger(self) -> BaseLogger:
        """The action's logger."""
        return self.runtime_ctx.logger if self.runtime_ctx else _SILENT

    @property
    def client(self) -> Any:
        """The backend client that the runtime context was given, or None."""
        return self.runtime_ctx.client if self.runtime_ctx else None

    def log(self, event: str, data: Mapping[str, Any] | None = None, level: LogLevel | str = LogLevel.INFO) -> None:
        """Log a structured event.

        Raises:
            ActionCancelled: As every call of the runtime context once the action is asked to stop. In a rollback
                nothing is raised: undoing has to go through.
        """
        self._reporter.log(event, data, level)

    def set_progress(self, current: float, total: float | None = None, category: str | None = None) -> None:
        """Say how far the running step is; without a ``category``, under its name, and the whole moves with it.

        Raises:
            ActionCancelled: As `log`.
        """
        self._reporter.set_progress(current, total, category or self.current_step)
        if self._on_progress and category in {None, self.current_step}:
            done, known = as_number(current), as_number(total)
            if done is not None and known:
                self._on_progress(min(max(done / known, 0.0), 1.0))

    def set_metrics(self, metrics: Mapping[str, Any], category: str | None = None) -> None:
        """Record metrics; without a ``category``, under the running step's name.

        Raises:
            ActionCancelled: As `log`.
        """
        self._reporter.set_metrics(metrics, category or self.current_step)

    @property
    def _reporter(self) -> RuntimeContext | BaseLogger:
        """The runtime context; in a rollback its logger, which does not mind that the action is cancelled."""
        return self.logger if self._rolling_back or self.runtime_ctx is None else self.runtime_ctx
