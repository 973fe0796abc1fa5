"""Whether anybody runs a run, and who."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from synapse_core.models import PipelineProgress, RunStatus
from synapse_core.protocols import RunSummary
from synapse_core.session.orphans import is_orphan, is_reported
from synapse_core.session.owner import place

if TYPE_CHECKING:
    from synapse_core.session import Session


@frozen
class Engine:
    """The engine of a run: who it is, until when it has claimed the run, and whether it is gone.

    A run that is ``reported`` to a service by its clients has none that could be gone.
    """

    owner: str | None = None
    expires_at: datetime | None = None
    gone: bool = False
    reported: bool = False

    @classmethod
    def of(cls, session: Session, run: RunSummary | PipelineProgress) -> Engine:
        """That of a run; there is none where the run has ended.

        Raises:
            RunNotFoundError: there is no such run.
        """
        return session.call(engine_of(session.store, run))

    @property
    def lives(self) -> bool:
        """Whether it goes on with the run."""
        return self.owner is not None and not self.gone

    @property
    def where(self) -> str:
        """``process 123 on machine``, where the owner says so much."""
        return place(self.owner) if self.owner else "nobody"

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        until = self.expires_at.isoformat() if self.expires_at else None
        return {"owner": self.owner, "expires_at": until, "gone": self.gone}


async def engine_of(store: Any, run: RunSummary | PipelineProgress) -> Engine:
    """As `Engine.of`, on the store's loop."""
    if RunStatus(run.status).is_terminal():
        return Engine()
    run_id = run.id if isinstance(run, RunSummary) else run.run_id
    lease = await store.lease(run_id)
    gone = is_orphan(run.status, lease, run.created_at)
    if lease is not None:
        return Engine(lease.owner, lease.expires_at, gone)
    reported = is_reported(await store.record(run_id))
    return Engine(gone=gone and not reported, reported=reported)
