"""Stopping a job from afar: first an order, with reason and grace; then Ray's stop: `Stopping`."""

from __future__ import annotations

import contextlib
import threading
import time

from synapse_core.errors import SynapseError
from synapse_core.models import Failure
from synapse_core.protocols import Outcome
from synapse_ray.jobs_api.book import State
from synapse_ray.jobs_api.dashboard import Dashboard, JobInfo
from synapse_ray.jobs_api.orders import order

_QUEUED = 5.0
"""Seconds for a job that waits for resources to be gone from Ray's queue."""

_HOPE = 30.0
"""Seconds after Ray's stop until the job is said to be left behind."""

_SOON = 0.5


class Stopping:
    """Why and by when a job is to end, and what was done about it."""

    def __init__(self, dashboard: Dashboard, job_id: str) -> None:
        self._dashboard = dashboard
        self._id = job_id
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._ordered: float | None = None
        self._unheard = False
        self._stopped_at: float | None = None
        self.reason: str | None = None

    def ask(self, reason: str, grace: float) -> None:
        """Have it ended within ``grace`` seconds; a second call may shorten that."""
        with self._lock:
            deadline = time.monotonic() + grace
            self._deadline = min(deadline, self._deadline or deadline)
            self.reason = self.reason or reason

    def forced(self) -> bool:
        """Whether the time is up, and Ray told to end it."""
        return self._stopped_at is not None

    def look(self, info: JobInfo | None, state: State | None) -> Outcome | None:
        """Do what is due; an outcome, if it is not worth waiting for the job's own."""
        with self._lock:
            deadline, reason = self._deadline, self.reason
        if deadline is None or reason is None or info is None:
            return None
        if self._stopped_at is not None:
            return self._given_up(info)
        if state is None or info.node is None:  # nothing of ours runs yet, so nobody needs time
            self._stop()
        else:
            self._end(info.node, state, reason, deadline)
        return self._out_of_reach(deadline)

    def _end(self, node: str, state: State, reason: str, deadline: float) -> None:
        left = deadline - time.monotonic()
        if self._ordered is None or deadline < self._ordered - _SOON:
            self._ordered = deadline
            told = (node, state, reason, max(0.0, left))
            threading.Thread(target=self._order, args=told, name="synapse-order", daemon=True).start()
        if left <= 0 or self._unheard:
            self._stop()

    def _order(self, node: str, state: State, reason: str, grace: float) -> None:
        if not order(self._dashboard, self._id, node, state, reason=reason, grace=grace):
            self._unheard = True

    def _stop(self) -> None:
        with contextlib.suppress(SynapseError):  # tried again at the next look, or the job is gone
            self._dashboard.stop(self._id)
            self._stopped_at = time.monotonic()

    def _out_of_reach(self, deadline: float) -> Outcome | None:
        """Nobody takes the stop."""
        if self._stopped_at is not None or time.monotonic() < deadline + _HOPE:
            return None
        text = (
            f"{self.reason}; the job {self._id!r} could not be told to stop: {self._dashboard.address} does not answer"
        )
        return Outcome("abandoned", failure=Failure("ActionCancelled", text))

    def _given_up(self, info: JobInfo) -> Outcome | None:
        assert self._stopped_at is not None
        waited = time.monotonic() - self._stopped_at
        if info.status == "PENDING" and waited > _QUEUED:
            return self.cancelled()  # it ends as soon as Ray gives it what it waits for
        if waited > _HOPE:
            text = f"{self.reason}; the job {self._id!r} still runs, {waited:.0f} s after Ray was told to stop it"
            return Outcome("abandoned", failure=Failure("ActionCancelled", text))
        return None

    def end(self, info: JobInfo) -> Outcome | None:
        """The outcome of a job that has ended without one, if that is because it was stopped here."""
        if self.reason is None or (info.status != "STOPPED" and self._stopped_at is None):
            return None
        return self.cancelled()

    def cancelled(self, traceback: str = "") -> Outcome:
        """The outcome of what was stopped."""
        return Outcome("cancelled", failure=Failure("ActionCancelled", self.reason or "cancelled", traceback))
