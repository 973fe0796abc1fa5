"""One action run in the caller's thread with a run record in a memory store: `RecordedCall`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class RecordedCall:
    """A run of one action, told to a memory store by the thread that runs it; no engine, no lease, no retries."""

    def __init__(self, store: MemoryStore, spec: ActionSpec, params: Mapping[str, Any], job_id: str | None) -> None:
        self.run_id = new_run_id()
        self._store = store
        self._spec = spec
        self._reporter = Reporter(spec.name, 1, self._flush)
        self._params = default_schema().unstructure(dict(params), subject="params")
        nodes = [{"name": spec.name, "needs": [], "entrypoint": spec.entrypoint}]
        plan = {"name": spec.name, "nodes": nodes, "job_id": job_id}
        at = now()
        store.create_now(
            RunRecord(self.run_id, spec.name, self._params, plan, at),
            [
                Draft(Kind.RUN_CREATED, at, None, 0, {**plan, "params": self._params}),
                Draft(Kind.RUN_STARTED, at),
                Draft(Kind.ACTION_STARTED, at, spec.name, 1),
            ],
        )

    def run(self, body: Callable[[BaseLogger], Any]) -> Any:
        """Run ``body`` with the logger to report to, and record how it ended; gives and raises what it does."""
        try:
            result = body(self._reporter)
            data = default_schema().unstructure(result, subject=f"the result of {self._spec.name!r}")
        except BaseException as error:
            self._failed(error)
            raise
        at = now()
        self._store.append_now(
            self.run_id,
            [
                *self._reporter.drain(),
                Draft(Kind.ACTION_COMPLETED, at, self._spec.name, 1),
                Draft(Kind.RUN_COMPLETED, at, None, 0, {"result": data}),
            ],
            [
                Checkpoint(
                    self.run_id,
                    self._spec.name,
                    0,
                    ActionStatus.COMPLETED,
                    data,
                    created_at=at,
                    entrypoint=self._spec.entrypoint,
                    version=self._spec.version,
                )
            ],
        )
        return result

    def _failed(self, error: BaseException) -> None:
        failure = failure_of(error)
        payload = {
            "error": str(failure),
            "failure": {"type": failure.type, "message": failure.message, "traceback": failure.traceback},
        }
        at = now()
        ended = Kind.RUN_CANCELLED if isinstance(error, KeyboardInterrupt) else Kind.RUN_FAILED
        error_text = f"action {self._spec.name!r} failed: {failure}"
        drafts = [
            *self._reporter.drain(),
            Draft(Kind.ACTION_FAILED, at, self._spec.name, 1, payload),
            Draft(ended, at, None, 0, {"error": error_text, "errors": [error_text]}),
        ]
        self._store.append_now(self.run_id, drafts)

    def _flush(self) -> None:
        self._store.append_now(self.run_id, self._reporter.drain())
