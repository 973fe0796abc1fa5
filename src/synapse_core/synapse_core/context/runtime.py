"""What an action is given at run time beside its params: `RuntimeContext`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from synapse_core.context.cancelling import CancelToken
from synapse_core.context.folders import PipelineContext, made
from synapse_core.errors import ActionCancelled
from synapse_core.events import Kind
from synapse_core.loggers import BaseLogger, ConsoleLogger

if TYPE_CHECKING:
    from synapse_core.env import PluginEnvironment
    from synapse_core.models import LogLevel


@frozen
class MidwayState:
    """What an action saved of itself mid-way, and where its files are."""

    state: Any
    artifacts_path: str | None = None


class RuntimeContext:
    """What an action is given at run time: its logger, environment, identity, folder, and ways to report.

    Reporting never does I/O in the action's thread. Once the run is cancelled, or the attempt's time is up, every
    call raises `ActionCancelled`; ``finally`` blocks then have the grace period.

    Attributes:
        job_id: the id that the caller tracks this work by, or None.
        run_id, action, attempt: which attempt of which action of which run this is.
        client: a backend client, where the caller gave one.
    """

    __slots__ = (
        "_autologs",
        "_cancel",
        "_env",
        "_inherit_env",
        "_logger",
        "_midway",
        "_work_dir",
        "action",
        "attempt",
        "client",
        "job_id",
        "run_id",
    )

    def __init__(
        self,
        logger: BaseLogger | None = None,
        env: PluginEnvironment | Mapping[str, str] | None = None,
        job_id: str | None = None,
        client: Any = None,
        *,
        run_id: str = "",
        action: str = "",
        attempt: int = 1,
        work_dir: str | Path | None = None,
        cancel: CancelToken | None = None,
        midway: MidwayState | None = None,
        autologs: tuple[Callable[[str, RuntimeContext], bool], ...] = (),
        inherit_env: bool = False,
    ) -> None:
        self._logger = logger
        self._env = env
        self.job_id = job_id
        self.client = client
        self.run_id = run_id
        self.action = action
        self.attempt = attempt
        self._work_dir = work_dir
        self._cancel = cancel
        self._midway = midway
        self._autologs = autologs
        self._inherit_env = inherit_env

    @property
    def logger(self) -> BaseLogger:
        """The run's logger; one that prints to the console where nobody gave one."""
        if self._logger is None:
            self._logger = ConsoleLogger()
        return self._logger

    @property
    def env(self) -> PluginEnvironment:
        """The plugin's environment: what was given for it, over this process's own environment variables in a run.

        A context that is made by hand has just what it was given; this process's variables, if nothing was.
        """
        from synapse_core.env import PluginEnvironment

        if not isinstance(self._env, PluginEnvironment) or self._inherit_env:
            own = PluginEnvironment.from_environ() if self._inherit_env or self._env is None else None
            given = PluginEnvironment.from_dict(self._env or {})
            self._env = own.merge(given) if own is not None else given
            self._inherit_env = False
        return self._env

    @property
    def work_dir(self) -> Path:
        """The action's own folder in the run's, made when first asked for (mode 0700)."""
        if self._work_dir is None:
            self._work_dir = PipelineContext(self.run_id or "adhoc").action_dir(self.action or "action")
        return made(Path(self._work_dir))

    @property
    def pipeline(self) -> PipelineContext:
        """The run's folders, which its actions share: ``ctx.pipeline.artifacts``."""
        run = self.work_dir.parents[1]
        return PipelineContext(run.name, run.parent)

    # -- stopping ---------------------------------------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        """Whether the action has been asked to stop."""
        return self._cancel is not None and self._cancel.reason is not None

    def check(self) -> None:
        """Stop here if the action has been asked to.

        Raises:
            ActionCancelled: the run was cancelled, or the attempt's time is up.
        """
        if self._cancel is not None and self._cancel.reason is not None:
            raise ActionCancelled(self._cancel.reason)

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until a cancel.

        Raises:
            ActionCancelled: as `check`.
        """
        if self._cancel is None:
            self._cancel = CancelToken()
        if self._cancel.wait(seconds):
            self.check()

    # -- reporting --------------------------------------------------------------------------------------------

    def set_progress(self, current: float, total: float | None = None, category: str | None = None) -> None:
        """Say how far the action is: ``current`` of ``total`` units, in a category of its own if one is named.

        Raises:
            ActionCancelled: as `check`.
        """
        if self._cancel is not None and self._cancel.reason is not None:
            raise ActionCancelled(self._cancel.reason)
        (self._logger or self.logger).set_progress(current, total, category)

    def set_metrics(self, metrics: Mapping[str, Any], category: str | None = None) -> None:
        """Record metrics (numbers by name); their history is kept.

        Raises:
            ActionCancelled: as `check`.
        """
        self.check()
        self.logger.set_metrics(metrics, category)

    def log(self, event: str, data: Mapping[str, Any] | None = None, level: LogLevel | str = "info") -> None:
        """Log a structured event.

        Raises:
            ActionCancelled: as `check`.
        """
        self.check()
        self.logger.log(event, data, level=level)

    def log_message(self, message: str, level: LogLevel | str = "info") -> None:
        """Show a message to the user of the run.

        Raises:
            ActionCancelled: as `check`.
        """
        self.check()
        self.logger.log_message(message, level=level)

    def log_dev_event(self, event: str, data: Mapping[str, Any] | None = None) -> None:
        """Log an event for the developers of the action, at debug level.

        Raises:
            ActionCancelled: as `check`.
        """
        self.check()
        self.logger.log_dev_event(event, data)

    def end_log(self, message: str | None = None) -> None:
        """Close the action's log, with a last message if one is given."""
        self.logger.end_log(message)

    def autolog(self, framework: str) -> bool:
        """Have a plugin make ``framework`` report by itself; whether one knows how.

        Raises:
            ActionCancelled: as `check`.
        """
        self.check()
        return any(hook(framework, self) for hook in self._autologs)

    # -- mid-way state ----------------------------------------------------------------------------------------

    def save_checkpoint(self, state: Any, artifacts_path: str | Path | None = None) -> None:
        """Keep mid-way state (an epoch, an offset): it survives retries, recovery and resume of this action.

        Args:
            state: anything that survives JSON; large things belong in files under ``artifacts_path``.
            artifacts_path: where the files that belong to it are.

        Raises:
            UnserializableError: ``state`` does not survive JSON; the message names the place.
            ActionCancelled: as `check`.
        """
        from synapse_core.schema import default_schema

        self.check()
        data = default_schema().unstructure(state, subject="the state given to save_checkpoint")
        path = None if artifacts_path is None else os.fspath(artifacts_path)
        self._midway = MidwayState(data, path)
        self.logger.emit(Kind.ACTION_CHECKPOINT, {"state": data, "artifacts_path": path})

    def load_checkpoint(self) -> Any:
        """The state that this action saved last, in this attempt or an earlier one; None where there is none."""
        return self._midway.state if self._midway else None

    @property
    def checkpoint_artifacts(self) -> Path | None:
        """The ``artifacts_path`` that was saved with the last state."""
        path = self._midway.artifacts_path if self._midway else None
        return Path(path) if path else None
