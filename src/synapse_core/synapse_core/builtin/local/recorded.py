"""One action run in the caller's thread with run records in a memory store: `Recording`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synapse_core.actiondef import ActionSpec
from synapse_core.events import Draft, Kind, now
from synapse_core.ids import new_run_id
from synapse_core.models import ActionStatus, Checkpoint
from synapse_core.protocols import RunRecord
from synapse_core.schema import default_schema
from synapse_core.worker import Reporter
from synapse_core.worker.failure import failure_of

if TYPE_CHECKING:
    from synapse_core.builtin.memory import MemoryStore
    from synapse_core.loggers import BaseLogger

Body = Callable[["BaseLogger", str], Any]
"""Runs the action, given the logger to report to and the run's id."""


class Recording:
    """Runs of one action, told to a memory store by the thread that runs it; no engine, no lease, no retries.

    What is the same for all of them is made once: a record with its events costs a dozen microseconds.
    """

    def __init__(self, store: MemoryStore, spec: ActionSpec, job_id: str | None) -> None:
        self._store = store
        self._spec = spec
        self._subject = f"the result of {spec.name!r}"
        self._unstructure = default_schema().unstructure
        nodes = [{"name": spec.name, "needs": [], "entrypoint": spec.entrypoint}]
        self._plan = {"name": spec.name, "nodes": nodes, "job_id": job_id}

    def run(self, params: Mapping[str, Any], body: Body) -> Any:
        """Run ``body`` and record how it went; gives and raises what it does."""
        run_id = new_run_id()

        def flush() -> None:
            self._store.append_now(run_id, reporter.drain())

        reporter = Reporter(self._spec.name, 1, flush)
        self._began(run_id, params)
        try:
            result = body(reporter, run_id)
            data = self._unstructure(result, subject=self._subject)
        except BaseException as error:
            self._failed(run_id, reporter, error)
            raise
        self._completed(run_id, reporter, data)
        return result

    def _began(self, run_id: str, params: Mapping[str, Any]) -> None:
        name, data, at = self._spec.name, self._unstructure(dict(params), subject="params"), now()
        drafts = [
            Draft(Kind.RUN_CREATED, at, None, 0, {**self._plan, "params": data}),
            Draft(Kind.RUN_STARTED, at),
            Draft(Kind.ACTION_STARTED, at, name, 1),
        ]
        self._store.create_now(RunRecord(run_id, name, data, self._plan, at), drafts)

    def _completed(self, run_id: str, reporter: Reporter, data: Any) -> None:
        spec, at = self._spec, now()
        drafts = [
            Draft(Kind.ACTION_COMPLETED, at, spec.name, 1),
            Draft(Kind.RUN_COMPLETED, at, None, 0, {"result": data}),
        ]
        checkpoint = Checkpoint(
            run_id,
            spec.name,
            0,
            ActionStatus.COMPLETED,
            data,
            created_at=at,
            entrypoint=spec.entrypoint,
            version=spec.version,
        )
        self._ended(run_id, reporter, drafts, [checkpoint])

    def _failed(self, run_id: str, reporter: Reporter, error: BaseException) -> None:
        name, at, failure = self._spec.name, now(), failure_of(error)
        payload = {
            "error": str(failure),
            "failure": {"type": failure.type, "message": failure.message, "traceback": failure.traceback},
        }
        ended = Kind.RUN_CANCELLED if isinstance(error, KeyboardInterrupt) else Kind.RUN_FAILED
        text = f"action {name!r} failed: {failure}"
        drafts = [
            Draft(Kind.ACTION_FAILED, at, name, 1, payload),
            Draft(ended, at, None, 0, {"error": text, "errors": [text]}),
        ]
        self._ended(run_id, reporter, drafts)

    def _ended(
        self, run_id: str, reporter: Reporter, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()
    ) -> None:
        """Store what was reported and how it ended; a thread that the action left behind is heard no more."""
        reporter.close()
        self._store.append_now(run_id, [*reporter.drain(), *drafts], checkpoints)
