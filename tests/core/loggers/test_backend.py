"""The backend logger: everything arrives, and a backend that fails breaks nothing."""

from __future__ import annotations

import logging

import pytest

from synapse_core.errors import ActionCancelled
from synapse_core.loggers import BackendLogger, LoggerBackend
from synapse_core.models import LogLevel


class Jobs:
    """A backend that keeps what it is told, or raises."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.said: list[tuple[object, ...]] = []
        self.error = error

    def _take(self, *what: object) -> None:
        if self.error is not None:
            raise self.error
        self.said.append(what)

    def publish_progress(self, job_id, progress, category):
        self._take("progress", job_id, progress.current, progress.percent, category)

    def publish_metrics(self, job_id, metrics, category):
        self._take("metrics", job_id, dict(metrics), category)

    def publish_log(self, job_id, entry):
        self._take("log", job_id, entry.message, entry.level, entry.data, entry.timestamp is not None)

    def publish_message(self, job_id, message, level):
        self._take("message", job_id, message, level)


def test_everything_arrives():
    """Each kind reaches the method that is for it, under the job's id."""
    backend: LoggerBackend = (jobs := Jobs())
    log = BackendLogger(backend, "job-1")
    log.set_progress(1, 4, "load")
    log.set_metrics({"loss": 0.5}, "train")
    log.error("oh %s", "no", step=3)
    log.log_message("hello")
    log.emit("action.checkpoint", {"state": 1})
    assert jobs.said == [
        ("progress", "job-1", 1, 25.0, "load"),
        ("metrics", "job-1", {"loss": 0.5}, "train"),
        ("log", "job-1", "oh no", LogLevel.ERROR, {"step": 3}, True),
        ("message", "job-1", "hello", LogLevel.INFO),
    ]


def test_a_failing_backend_is_told_once(caplog):
    """Its errors are reported once, with what failed, and it is tried again."""
    jobs = Jobs(ConnectionError("service is away"))
    log = BackendLogger(jobs, "job-1")
    with caplog.at_level(logging.WARNING):
        for n in range(100):
            log.set_progress(n, 100)
            log.info("x")
    (record,) = caplog.records
    for part in ("Jobs", "action.progress", "job-1", "ConnectionError", "service is away"):
        assert part in record.getMessage()
    jobs.error = None
    log.info("back again")
    assert len(jobs.said) == 1


def test_a_cancel_goes_through():
    """What is no `Exception`, as a cancel, is not swallowed."""
    with pytest.raises(ActionCancelled):
        BackendLogger(Jobs(ActionCancelled("stop")), "job-1").info("x")
