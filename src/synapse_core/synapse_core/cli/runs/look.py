"""`Looked`: all that is known of a run, read once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from synapse_core.cli.engines import Engine
from synapse_core.cli.runs.advice import Advice, advice_on
from synapse_core.cli.runs.data import checkpoints_json, progress_json
from synapse_core.cli.runs.secrecy import Secrets
from synapse_core.errors import SynapseError
from synapse_core.events import Event, Kind
from synapse_core.models import Checkpoint, PipelineProgress
from synapse_core.pipeline import Plan, snapshots
from synapse_core.protocols import RunRecord

if TYPE_CHECKING:
    from synapse_core.session import Session

_MOST_RETRIES = 1000


@frozen(slots=False)
class Looked:
    """A run: as it was asked for, as it stands, what it has completed, who runs it, and attempts that failed.

    ``store`` is the URL that was given for the store, ``kept`` where the store says its runs are.
    """

    record: RunRecord
    progress: PipelineProgress
    checkpoints: Sequence[Checkpoint]
    engine: Engine
    retries: Sequence[Event]
    store: str | None
    kept: str

    @cached_property
    def plan(self) -> Plan | None:
        """The pipeline; its actions are not imported."""
        try:
            return Plan.from_data(self.record.plan)
        except SynapseError:
            return None

    @cached_property
    def secrets(self) -> Secrets:
        """What of it is not shown."""
        return Secrets.of(self.record)

    @property
    def params(self) -> dict[str, Any]:
        """The initial params, without secrets."""
        found: dict[str, Any] = self.secrets.public(self.record.params)
        return found

    @property
    def result(self) -> Any:
        """The run's result, without secrets; None while there is none."""
        return self.secrets.public(self.progress.result)

    @property
    def advice(self) -> list[Advice]:
        """What to type next."""
        return advice_on(self.progress, self.engine, self.record, self.checkpoints, self.store)

    def to_json(self) -> dict[str, Any]:
        """As JSON data, with the names of the service's API as far as it has them."""
        record = self.record
        told = progress_json(self.progress)
        return {
            "id": record.id,
            **{key: value for key, value in told.items() if key != "run_id"},
            "params": self.params,
            "result": self.result,
            "work_dir": record.work_dir,
            "store": self.kept,
            "target": record.target,
            "resumed_from": record.resumed_from,
            "options": self.secrets.public(record.options),
            "engine": self.engine.to_json(),
            "checkpoints": self.secrets.public(checkpoints_json(self._with_params())),
            "retries": [event.to_dict() for event in self.retries],
            "next": [advice.command for advice in self.advice],
        }

    def _with_params(self) -> Sequence[Checkpoint]:
        """The checkpoints, with the params after each as far as they can be put together."""
        if self.plan is None:
            return self.checkpoints
        try:
            return snapshots(self.plan, self.record.params, self.checkpoints)
        except SynapseError:
            return [evolve(checkpoint, params_snapshot=None) for checkpoint in self.checkpoints]


def look_at(session: Session, run_id: str, store: str | None) -> Looked:
    """Read all there is to show of a run.

    Raises:
        RunNotFoundError: there is no such run.
    """
    kept = session.store
    record, progress = session.call(kept.record(run_id)), session.progress(run_id)
    retries = session.call(kept.read(run_id, kinds={Kind.ACTION_RETRYING}, limit=_MOST_RETRIES))
    checkpoints = session.call(kept.checkpoints(run_id))
    return Looked(record, progress, checkpoints, Engine.of(session, progress), retries, store, _place(session, store))


def _place(session: Session, store: str | None) -> str:
    """Where the store is: its file, where it has one, else its URL."""
    from synapse_core.session.stores import default_store

    return str(getattr(session.store, "location", None) or store or default_store(session.pm))
