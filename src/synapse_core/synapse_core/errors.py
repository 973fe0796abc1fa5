"""What can go wrong, as types: every message says what, where and what to do.

`SynapseError` is the one base; catching it catches everything that Synapse raises on purpose, but
`ActionCancelled`, which like `asyncio.CancelledError` is no `Exception`, so that a broad ``except Exception:``
in an action's loop does not swallow a cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen


class SynapseError(Exception):
    """The base of all errors raised on purpose.

    ``hint`` says what to do about it and is shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


@frozen
class FieldIssue:
    """One wrong field: where (``layers[2].units``), what is wrong, and the types found and wanted."""

    path: str
    message: str
    found: str = ""
    wanted: str = ""

    def __str__(self) -> str:
        return f"{self.path or '(value)'}: {self.message}"


class ValidationError(SynapseError):
    """Data does not fit its model. ``issues`` has every wrong field at once; never retried."""

    def __init__(self, subject: str, issues: Sequence[FieldIssue], *, hint: str | None = None) -> None:
        self.subject = subject
        self.issues = tuple(issues)
        count = f"{len(self.issues)} wrong field" + ("" if len(self.issues) == 1 else "s")
        super().__init__("\n".join([f"{subject}: {count}", *(f"  {issue}" for issue in self.issues)]), hint=hint)


class UnserializableError(ValidationError):
    """A param or result cannot be kept as JSON; the issues name the field and its type."""


class EnvironmentValueError(SynapseError, ValueError):
    """A plugin environment's value is absent or not of the wanted type."""


class DiscoveryError(SynapseError):
    """A plugin, or an action in it, could not be found or loaded."""


class NotFoundError(SynapseError, LookupError):
    """A name that nothing bears; the message says what there is."""


class ActionNotFoundError(NotFoundError):
    """The plugin has no such action."""


class RunNotFoundError(NotFoundError):
    """The store has no such run."""


class PluginError(SynapseError):
    """A plugin broke a rule of the hooks, or failed while it was called; the message names it."""


class LargeValueError(SynapseError):
    """A large part of an earlier action's result, which its executor had kept, is not to be had any more."""


class PipelineError(SynapseError):
    """A pipeline that cannot be built: a cycle, an unknown need, a name used twice."""


class SchemaIncompatibleError(PipelineError):
    """A strict pipeline's types do not fit; ``problems`` lists every place."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(["the pipeline's types do not fit:", *(f"  {p}" for p in problems)]))


class ParamsConflictError(PipelineError):
    """Two unordered actions gave one key different values where they join."""


class PipelineChangedError(PipelineError):
    """What a checkpoint was made with differs from what would run now."""


class CheckpointNotFoundError(NotFoundError):
    """Resume was asked for and there is nothing to resume from."""


class StoreError(SynapseError):
    """A store refused or failed."""


class StoreUnavailableError(StoreError):
    """A store does not answer for now; worth another try."""


class LeaseLostError(StoreError):
    """Another engine has taken the run; this one writes nothing more. ``lease`` is the other's, where it is known."""

    def __init__(self, message: str, *, hint: str | None = None, lease: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.lease = lease


class ExecutionError(SynapseError):
    """An action, or the run it is in, failed.

    ``error_type`` and ``traceback`` are those of the action's own exception, wherever it ran.
    """

    def __init__(
        self, message: str, *, error_type: str = "", traceback: str = "", run_id: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.error_type = error_type
        self.traceback = traceback
        self.run_id = run_id


class WorkerDiedError(ExecutionError):
    """The process that ran an attempt ended before it gave an outcome; retried like a failure."""


class ActionTimeoutError(ExecutionError):
    """An attempt took longer than its timeout."""


class RunCancelledError(ExecutionError):
    """The run was cancelled before it could complete."""


class ActionCancelled(BaseException):
    """Raised by the next context call of an action whose run is cancelled or whose attempt timed out."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was most likely meant to be, if any is near."""
    import difflib

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """``no action 'trian'; did you mean 'train'? There are: download, train``."""
    names = sorted(known)
    close = nearest(name, names)
    guess = f"; did you mean {close!r}?" if close else "."
    return f"no {kind} {name!r}{guess} There are: {', '.join(names) or 'none'}"
