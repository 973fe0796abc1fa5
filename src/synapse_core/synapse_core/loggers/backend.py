"""`BackendLogger`: hands everything to a service of yours, behind the small protocol `LoggerBackend`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from synapse_core.events import Kind, now
from synapse_core.loggers.base import BaseLogger
from synapse_core.loggers.progress import ProgressData
from synapse_core.models import LogEntry, LogLevel


class LoggerBackend(Protocol):
    """What `BackendLogger` talks to: a client of whatever keeps the progress of jobs."""

    def publish_progress(self, job_id: str, progress: ProgressData, category: str | None) -> None:
        """How far a job is, in one category."""

    def publish_metrics(self, job_id: str, metrics: Mapping[str, Any], category: str | None) -> None:
        """Metrics of a job: JSON data by name."""

    def publish_log(self, job_id: str, entry: LogEntry) -> None:
        """A line of a job's log."""

    def publish_message(self, job_id: str, message: str, level: LogLevel) -> None:
        """A message to the job's user."""


class BackendLogger(BaseLogger):
    """Publishes everything to a backend, under a job's id, in the thread that says it.

    A backend that raises is reported once, on the logger ``synapse_core.loggers`` of the standard library, and is
    tried again with the next event; it never breaks the action.
    """

    __slots__ = ("_backend", "_reported", "job_id")

    def __init__(self, backend: LoggerBackend, job_id: str) -> None:
        self._backend = backend
        self.job_id = job_id
        self._reported = False

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Publish the event, if the backend has a place for its kind."""
        publish = _PUBLISH.get(kind)
        if publish is None:
            return
        try:
            publish(self, payload)
        except Exception as error:  # noqa: BLE001  whatever the backend's client raises
            self._report(kind, error)

    def _report(self, kind: str, error: Exception) -> None:
        if self._reported:
            return
        self._reported = True
        import logging

        logging.getLogger("synapse_core.loggers").warning(
            "backend %s failed on %s of job %r: %s: %s (told once; the job goes on)",
            type(self._backend).__name__,
            str(kind),
            self.job_id,
            type(error).__name__,
            error,
        )

    def _progress(self, payload: Mapping[str, Any]) -> None:
        category = payload["category"]
        self._backend.publish_progress(self.job_id, self.get_progress(category), category)

    def _metrics(self, payload: Mapping[str, Any]) -> None:
        self._backend.publish_metrics(self.job_id, payload["metrics"], payload["category"])

    def _log(self, payload: Mapping[str, Any]) -> None:
        entry = LogEntry(payload["message"], LogLevel(payload["level"]), timestamp=now(), data=payload.get("data"))
        self._backend.publish_log(self.job_id, entry)

    def _message(self, payload: Mapping[str, Any]) -> None:
        self._backend.publish_message(self.job_id, payload["message"], LogLevel(payload["level"]))


_PUBLISH: dict[str, Callable[[BackendLogger, Mapping[str, Any]], None]] = {
    Kind.ACTION_PROGRESS: BackendLogger._progress,
    Kind.ACTION_METRICS: BackendLogger._metrics,
    Kind.ACTION_LOG: BackendLogger._log,
    Kind.ACTION_MESSAGE: BackendLogger._message,
}
