"""Looking after one job from afar, from its submission to its outcome: `Following`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from synapse_core.context import CancelToken
from synapse_core.errors import ActionCancelled, DiscoveryError, RunCancelledError, SynapseError, WorkerDiedError
from synapse_core.models import Failure
from synapse_core.protocols import Outcome, OutcomeStatus
from synapse_core.worker import Reporter
from synapse_core.worker.failure import failure_of, kinds_of
from synapse_ray.errors import PackageError, RayClusterError, RayConfigError
from synapse_ray.jobs_api.book import State
from synapse_ray.jobs_api.dashboard import Dashboard, JobInfo
from synapse_ray.jobs_api.errors import ExtraMissingError
from synapse_ray.jobs_api.reading import BookReader, reader_of
from synapse_ray.jobs_api.stopping import Stopping
from synapse_ray.jobs_api.trouble import explained

_SHORTEST, _LONGEST = 0.15, 1.0
_INFO_EVERY = 2.0
_OVERSLEPT = 5.0
_HOPELESS = (DiscoveryError, PackageError, RayConfigError, ExtraMissingError)


class Following:
    """Follows a job on a thread of its own.

    Args:
        dashboard, job_id: whose job it is.
        submit: submits it; None for one that was found again.
        reporter: takes what the action reports.
        token: is cancelled with the attempt, so that a full reporter holds nothing up.
        began: called once the action's process runs.
        patience: seconds without a sign of life until the job is given up.
    """

    def __init__(
        self,
        dashboard: Dashboard,
        job_id: str,
        *,
        submit: Callable[[], None] | None,
        reporter: Reporter,
        token: CancelToken,
        began: Callable[[], None],
        patience: float,
    ) -> None:
        self._dashboard = dashboard
        self._id = job_id
        self._submit = submit
        self._reporter = reporter
        self._token = token
        self._began = began
        self._patience = patience
        self._wake = threading.Event()
        self._stopping = Stopping(dashboard, job_id)
        self._reader: BookReader | None = None
        self._info: JobInfo | None = None
        self._state: State | None = None
        self._asked_at = 0.0
        self._alive_at = time.monotonic()
        self._pause = _SHORTEST

    def ask(self, reason: str, grace: float) -> None:
        """Have it stopped in ``grace`` seconds, from any thread; a second call may shorten that."""
        self._token.cancel(reason)
        self._stopping.ask(reason, grace)
        self._wake.set()

    def run(self) -> Outcome:
        """Follow the job to its end. Never raises."""
        try:
            if self._submit is not None:
                if self._stopping.reason is not None:
                    return self._stopping.cancelled()
                self._submit()
            return self._judged(self._follow())
        except SynapseError as error:
            status: OutcomeStatus = "invalid" if isinstance(error, _HOPELESS) else "failed"
            return Outcome(status, failure=Failure(type(error).__name__, str(error)), kinds=kinds_of(error))
        except Exception as error:  # noqa: BLE001  what goes wrong here is this attempt's trouble only
            return Outcome("failed", failure=failure_of(error), kinds=kinds_of(error))

    def _follow(self) -> Outcome:
        while True:
            outcome = self._look() or self._stopping.look(self._info, self._state)
            if outcome is not None:
                return outcome
            self._rest()

    def _rest(self) -> None:
        began = time.monotonic()
        self._wake.wait(self._pause)
        self._wake.clear()
        overslept = time.monotonic() - began - self._pause
        if overslept > _OVERSLEPT:  # it is we who were frozen
            self._alive_at += overslept

    def _judged(self, outcome: Outcome) -> Outcome:
        """Our own word decides why it was stopped, whatever Ray's way to stop it has made of that."""
        if self._stopping.reason is None or outcome.status != "cancelled":
            return outcome
        return self._stopping.cancelled(outcome.failure.traceback if outcome.failure else "")

    # -- looking ----------------------------------------------------------------------------------------------

    def _look(self) -> Outcome | None:
        """What is new; the outcome, if there is one."""
        try:
            return self._heard(self._current())
        except RayClusterError as error:  # it does not answer, or not well, or the node is just gone
            self._asked_at = 0.0
            return self._silent(error)

    def _heard(self, info: JobInfo) -> Outcome | None:
        self._set_pause(self._read(info))
        state = self._state
        if state is not None and state.size is not None and self._reader is not None:
            return self._reader.outcome(state)
        if info.ended:
            return self._stopping.end(info) or _lost(info)
        return self._silent(None)

    def _current(self) -> JobInfo:
        """The job, asked for anew where something may have come of it."""
        now = time.monotonic()
        every = _INFO_EVERY if self._state is not None else self._pause
        if self._info is None or now - self._asked_at >= every or self._stopping.reason is not None:
            self._info, self._asked_at = self._dashboard.job(self._id), now
        return self._info

    def _read(self, info: JobInfo) -> bool:
        """Take what the job has written since; whether it has."""
        reader = self._reader_of(info)
        state = reader.state() if reader is not None else None
        if reader is None or state is None:
            if info.status == "PENDING":
                self._alive_at = time.monotonic()
            return False
        if self._state is None:
            self._began()
        fresh = self._state is None or state.seq > self._state.seq
        if self._state is None or state.beat != self._state.beat:
            self._alive_at = time.monotonic()
        self._state = state
        self._take(reader, state)
        return fresh

    def _take(self, reader: BookReader, state: State) -> None:
        for drafts in reader.drafts(state):
            if self._stopping.forced():
                return
            with contextlib.suppress(ActionCancelled):  # they are kept, beyond the bound
                self._reporter.take(drafts)

    def _reader_of(self, info: JobInfo) -> BookReader | None:
        self._reader = self._reader or reader_of(self._dashboard, info)
        return self._reader

    def _set_pause(self, fresh: bool) -> None:
        self._pause = _SHORTEST if fresh else min(_LONGEST, 1.3 * self._pause)

    def _silent(self, error: SynapseError | None) -> Outcome | None:
        """Give up a job that gives no sign of life."""
        silence = time.monotonic() - self._alive_at
        if silence < self._patience:
            return None
        with contextlib.suppress(SynapseError):
            self._dashboard.stop(self._id)
        why = f": {error.message}" if error is not None else ""
        text = (
            f"the job {self._id!r} gave no sign of life for {silence:.0f} s{why}; it was told to stop, if it still runs"
        )
        return Outcome("died", failure=Failure("WorkerDiedError", text), kinds=("WorkerDiedError",))


def _lost(info: JobInfo) -> Outcome:
    """The outcome of a job that ended without one."""
    error = explained(info)
    kinds: dict[type, OutcomeStatus] = {RunCancelledError: "cancelled", WorkerDiedError: "died"}
    status = kinds.get(type(error), "failed")
    return Outcome(status, failure=Failure(type(error).__name__, str(error)), kinds=kinds_of(error))
