"""What an action is given beside its params: `RuntimeContext`; and a run's folders: `PipelineContext`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from synapse_core.errors import ActionCancelled, SynapseError
from synapse_core.events import Kind
from synapse_core.loggers import BaseLogger, ConsoleLogger

if TYPE_CHECKING:
    from synapse_core.env import PluginEnvironment
    from synapse_core.models import LogLevel


class CancelToken:
    """Whether an attempt has been asked to stop, and why; set once, from any thread."""

    __slots__ = ("_asked", "_calls", "_lock", "reason")

    def __init__(self) -> None:
        self.reason: str | None = None
        self._asked: threading.Event | None = None
        self._lock = threading.Lock()
        self._calls: list[Callable[[], object]] = []

    def cancel(self, reason: str = "cancelled") -> None:
        """Ask for the stop; the first reason stays."""
        with self._lock:
            calls, self._calls = self._calls, []
            self.reason = self.reason or reason
        for call in calls:
            call()

    def on_cancel(self, call: Callable[[], object]) -> None:
        """Have ``call`` called, from the cancelling thread, when the stop is asked for; at once if it was."""
        with self._lock:
            if self.reason is None:
                self._calls.append(call)
                return
        call()

    def wait(self, seconds: float) -> bool:
        """Wait until the stop is asked for, ``seconds`` at most; whether it was."""
        if self._asked is None:
            self._asked = threading.Event()
            self.on_cancel(self._asked.set)
        return self._asked.wait(seconds)


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
        return _made(Path(self._work_dir))

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


def data_home() -> Path:
    """Where Synapse keeps what belongs to this user: ``SYNAPSE_HOME``, else the platform's user data folder."""
    said = os.environ.get("SYNAPSE_HOME")
    if said:
        return Path(said)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "synapse"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "synapse"


def _runs_folder(base: str | Path | None) -> Path:
    return Path(base) if base else data_home() / "runs"


@define
class PipelineContext:
    """The folders of one run, mode 0700, made when they are first asked for.

    Attributes:
        run_id: the run.
        base: the folder that holds the runs' folders; ``runs`` in the user's data folder if None.
    """

    run_id: str = field()
    base: Path = field(default=None, converter=_runs_folder)

    @run_id.validator
    def _one_name(self, _attribute: Any, run_id: str) -> None:
        if not run_id or run_id in {".", ".."} or set(run_id) & set("/\\\0"):
            raise SynapseError(f"{run_id!r} cannot name a run's folder")

    @property
    def root(self) -> Path:
        """The run's own folder."""
        return _made(Path(self.base) / self.run_id)

    @property
    def datasets(self) -> Path:
        """For data that actions share."""
        return _made(self.root / "datasets")

    @property
    def models(self) -> Path:
        """For models."""
        return _made(self.root / "models")

    @property
    def artifacts(self) -> Path:
        """For what the run is to leave behind."""
        return _made(self.root / "artifacts")

    @property
    def logs(self) -> Path:
        """For log files."""
        return _made(self.root / "logs")

    @property
    def checkpoints(self) -> Path:
        """For the files of mid-way state."""
        return _made(self.root / "checkpoints")

    def action_dir(self, name: str) -> Path:
        """The folder of the action ``name``, not made yet."""
        return Path(self.base) / self.run_id / "actions" / name.replace("/", "_")

    def cleanup(self) -> None:
        """Remove the run's folder and all in it."""
        import shutil

        shutil.rmtree(Path(self.base) / self.run_id, ignore_errors=True)


def _made(path: Path) -> Path:
    """The folder, made if need be, with mode 0700; so are those above it, which ``parents=True`` would leave open."""
    if not path.is_dir():
        _made(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path
