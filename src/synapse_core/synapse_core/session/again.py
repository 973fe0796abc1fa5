"""Runs taken up again: what a resume reuses, and which unfinished runs can be recovered; `Again`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from synapse_core.actiondef.fingerprint import fingerprint
from synapse_core.discovery.loading import load_action
from synapse_core.engine.identity import Identities
from synapse_core.engine.restore import Restored, recovered
from synapse_core.engine.resume import ResumePlan, plan_resume, without
from synapse_core.errors import CheckpointNotFoundError, LeaseLostError, RunNotFoundError, StoreError, SynapseError
from synapse_core.events import Kind, now
from synapse_core.models import Checkpoint, RunStatus
from synapse_core.pipeline import Plan
from synapse_core.protocols import Lease, RunRecord, Store
from synapse_core.schema import Schema
from synapse_core.session.options import Asked, RunOptions
from synapse_core.session.orphans import fail_orphan, is_reported
from synapse_core.session.owner import is_dead, place, taken
from synapse_core.session.secrets import secret_names


@frozen
class Unfinished:
    """A run that has not ended. ``reason`` says why it is not to be recovered here; None if it can be."""

    run_id: str
    name: str
    status: RunStatus
    reason: str | None = None
    lease: Lease | None = None


class Again:
    """Tells, from what a store keeps, how runs are taken up again.

    Args:
        store: which has the runs.
        schema: of the session.
    """

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema

    def identities(self, plan: Plan, durable: bool = True) -> Identities:
        """What checkpoints say of actions; runs that end with the process are spared the digests of their code."""
        return Identities(
            self._schema,
            lambda spec: fingerprint(spec, self._schema) if durable else spec.version,
            lambda: secret_names(plan, self._schema),
        )

    # -- resume -----------------------------------------------------------------------------------------------

    async def compare(self, asked: Asked) -> tuple[Asked, ResumePlan | None]:
        """What resuming ``asked.options.resume_from`` would do; with the params of that run under those given.

        Raises:
            RunNotFoundError: there is no such run.
            NotFoundError: there is no action ``rerun_from``.
            CheckpointNotFoundError: it has completed nothing; unless that is fine.
        """
        options = asked.options
        assert options.resume_from is not None
        try:
            record = await self._store.record(options.resume_from)
        except RunNotFoundError:
            if options.missing_ok:
                return asked, None
            raise
        asked = evolve(asked, params={**record.params, **asked.params})
        if options.rerun_from is not None:
            asked.plan.index(options.rerun_from)
        checkpoints, midway = await self._store.checkpoints(record.id), await self._midway(record.id)
        if not checkpoints and not midway:
            if options.missing_ok or options.rerun_from is not None:
                return asked, None
            raise CheckpointNotFoundError(
                f"run {record.id} has completed no action: there is nothing to resume from",
                hint="start a new run, or allow that with missing_ok",
            )
        compared = plan_resume(
            asked.plan,
            asked.params,
            record=record,
            checkpoints=checkpoints,
            identities=self.identities(asked.plan),
            rerun_from=options.rerun_from,
            midway=midway,
        )
        return asked, compared

    async def resumed(self, asked: Asked) -> Asked:
        """A run that is asked for, with what it reuses.

        Raises:
            PipelineChangedError: what was completed has changed since, and this is not forced.
            StoreError: the run still goes on.
        """
        asked, compared = await self.compare(asked)
        if compared is None:
            return asked
        if asked.options.force:
            compared = without(asked.plan, compared)
        compared.check()
        source = compared.run_id
        await self._close(source)
        going_on = {action.name for action in compared.actions if action.goes_on}
        midway = {
            name: payload
            for name, payload in (await self._midway(source)).items()
            if name not in compared.reuse and name.partition("[")[0] in going_on
        }
        restored = Restored(checkpoints=compared.reuse, midway=midway, source=source)
        return evolve(asked, restored=restored, checkpoints=tuple(compared.reuse.values()))

    async def _close(self, run_id: str) -> None:
        """End a run whose engine has died, as another takes over from it.

        Raises:
            StoreError: its engine lives.
        """
        try:
            await fail_orphan(self._store, run_id, "its engine died; resumed by another run")
        except LeaseLostError as error:
            raise taken(run_id, error) from error

    async def _midway(self, run_id: str) -> dict[str, Mapping[str, Any]]:
        """The newest state that each action of a run saved of itself."""
        found: dict[str, Mapping[str, Any]] = {}
        after = 0
        while events := await self._store.read(run_id, after=after, kinds={Kind.ACTION_CHECKPOINT}):
            found.update({event.action: event.payload for event in events if event.action is not None})
            after = events[-1].seq
        return found

    # -- recover ----------------------------------------------------------------------------------------------

    async def unfinished(self, run_ids: Iterable[str] | None = None) -> list[Unfinished]:
        """The runs that have not ended (of these), each with why it is not to be recovered here, if it is not."""
        if run_ids is not None:
            looked = [await self._look(run_id) for run_id in run_ids]
            return [run for run in looked if not run.status.is_terminal()]
        found = []
        for status in (RunStatus.RUNNING, RunStatus.PENDING):
            before = None
            while page := await self._store.list_runs(status=status, before=before):
                found += [await self._look(summary.id) for summary in page]
                before = page[-1].id
        return sorted(found, key=lambda run: run.run_id)

    async def _look(self, run_id: str) -> Unfinished:
        record = await self._store.record(run_id)
        progress = await self._store.progress(run_id)
        lease = await self._store.lease(run_id)
        return Unfinished(run_id, record.name, progress.status, await self._why_not(record, lease), lease)

    async def _why_not(self, record: RunRecord, lease: Lease | None) -> str | None:
        if lease is not None and not is_dead(lease.owner) and lease.expires_at > now():
            return f"it is run by {place(lease.owner)}"
        if lease is None and is_reported(record):
            return "a client of the service reports on it"
        try:
            plan = self._plan(record)
            self._same(plan, {c.action_name: c for c in await self._store.checkpoints(record.id)})
        except SynapseError as error:
            return error.message
        return None

    async def recovery(self, run_id: str, **others: Any) -> tuple[RunRecord, Asked, Lease | None]:
        """What is needed to go on with a run whose engine died, and the dead lease, if there is one.

        Raises:
            RunNotFoundError: there is no such run.
            StoreError: it has ended, its engine lives, or what it has completed has changed.
        """
        record = await self._store.record(run_id)
        progress = await self._store.progress(run_id)
        if progress.status.is_terminal():
            raise StoreError(f"run {run_id} has {progress.status}", hint="resume it, which makes a new run of it")
        held = await self._store.lease(run_id)
        dead = held if held is not None and is_dead(held.owner) else None
        plan = self._plan(record)
        kept = {checkpoint.action_name: checkpoint for checkpoint in await self._store.checkpoints(run_id)}
        self._same(plan, kept)
        restored = recovered(progress, kept, await self._midway(run_id))
        return record, Asked(plan, record.params, RunOptions.of_kept(record.options, **others), restored), dead

    @staticmethod
    def _plan(record: RunRecord) -> Plan:
        """The run's plan, its actions imported as they are now."""
        plan = Plan.from_data(record.plan, loader=load_action)
        for node in plan:
            node.spec.load()
        return plan

    def _same(self, plan: Plan, kept: Mapping[str, Checkpoint]) -> None:
        """Refuse to go on with results of actions that are not what they were."""
        identities = self.identities(plan)
        for name, checkpoint in kept.items():
            entrypoint, version = identities.action(plan[name.partition("[")[0]])
            if checkpoint.version and version and (checkpoint.entrypoint, checkpoint.version) != (entrypoint, version):
                raise StoreError(
                    f"action {name!r} has changed since it was completed ({checkpoint.version}, now {version})",
                    hint="undo the change, or resume the run with force, which runs what has changed again",
                )
