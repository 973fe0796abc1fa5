"""How runs are remembered: `Store`, and what some stores can do beside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from attrs import field, frozen

from synapse_core.events import Draft, Event
from synapse_core.models import Checkpoint, PipelineProgress, RunStatus


@frozen
class RunRecord:
    """A run as it was asked for.

    ``plan`` is the pipeline as data: its name, nodes and edges. ``target`` says where the pipeline was loaded from
    (``examples/digits``, ``train.py:pipeline``), if from anywhere. ``options`` are those that recovering it needs
    again: the executor's name and options, ``extra``, ``strict``, ``grace``, ``job_id``; never the environment.
    """

    id: str
    name: str
    params: Mapping[str, Any] = field(repr=False)
    plan: Mapping[str, Any]
    created_at: datetime
    work_dir: str | None = None
    pipeline_id: str | None = None
    resumed_from: str | None = None
    target: str | None = None
    options: Mapping[str, Any] = field(factory=dict)


@frozen
class RunSummary:
    """A line of a list of runs."""

    id: str
    name: str
    status: RunStatus
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    overall_progress: float = 0.0
    pipeline_id: str | None = None


@frozen
class Lease:
    """The right to advance a run: every write carries the epoch, and one with an old epoch is refused."""

    run_id: str
    owner: str
    epoch: int
    expires_at: datetime


def claimable(held: Lease, owner: str, over: Lease | None) -> bool:
    """Whether ``owner`` may claim a run that ``held`` is the lease of; for stores."""
    superseded = over is not None and over.epoch == held.epoch
    return superseded or held.owner == owner or held.expires_at <= datetime.now(UTC)


class Store(Protocol):
    """Remembers runs. Errors are `StoreError`s; one that is worth another try is a `StoreUnavailableError`."""

    async def create(self, run: RunRecord, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint] = ()) -> int:
        """Keep a new run, its first events, and the checkpoints it starts from (a resume); the last ``seq``.

        Raises:
            StoreError: there is a run of that id already.
        """

    async def append(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """Add events, and checkpoints in the same transaction; durable when this returns the last one's ``seq``.

        The events of one call have consecutive numbers. Without a lease nothing is fenced: that is for what anybody
        may say (``run.cancel_requested``), and for runs that no engine has claimed.

        Raises:
            RunNotFoundError: there is no such run.
            LeaseLostError: the lease's epoch is old.
        """

    async def record(self, run_id: str) -> RunRecord:
        """The run as it was asked for.

        Raises:
            RunNotFoundError: there is no such run.
        """

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        limit: int = 1000,
        kinds: Collection[str] | None = None,
        action: str | None = None,
    ) -> list[Event]:
        """Events with ``seq`` above ``after``, oldest first."""

    async def progress(self, run_id: str) -> PipelineProgress:
        """The state now: the fold of all events."""

    async def list_runs(
        self,
        *,
        status: RunStatus | None = None,
        name: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> Sequence[RunSummary]:
        """Runs, newest first; ``before`` is the id that the page before ended with."""

    async def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        """The run's checkpoints, oldest first; `snapshots` puts together their ``params_snapshot``."""

    async def acquire(self, run_id: str, owner: str, ttl: float, *, over: Lease | None = None) -> Lease:
        """Claim a run for ``ttl`` seconds, atomically; the epoch rises with every claim.

        ``over`` is a lease that its claimant knows to be dead (its owner's process is gone): it is taken over although
        it has not expired, if it is still the newest.

        Raises:
            LeaseLostError: another owner holds a live lease; the error has it as ``lease``.
        """

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """Hold on for ``ttl`` seconds more.

        Raises:
            LeaseLostError: another owner has taken the run.
        """

    async def lease(self, run_id: str) -> Lease | None:
        """The newest lease on a run, expired or not; None where it was given back, or never claimed.

        Raises:
            RunNotFoundError: there is no such run.
        """

    async def release(self, lease: Lease) -> None:
        """Give the run back; nothing happens if the lease is lost already."""

    def watch(self, run_id: str, *, after: int = 0, kinds: Collection[str] | None = None) -> AsyncIterator[list[Event]]:
        """Every event (of these kinds) from ``after`` on, in batches, as they come; ends after the run's last.

        An async generator, which who has seen enough closes.

        Raises:
            RunNotFoundError: there is no such run, or it was deleted meanwhile.
        """

    async def delete(self, run_id: str) -> None:
        """Forget a run.

        Raises:
            RunNotFoundError: there is no such run.
            StoreError: an engine is running it; the message names the run, the hint says to cancel it.
        """

    async def aclose(self) -> None:
        """Finish writing and close."""


@frozen
class PipelineRecord:
    """A pipeline's definition: its actions as data, each with ``name``, ``entrypoint`` and what else it was given."""

    id: str
    name: str
    actions: Sequence[Mapping[str, Any]]
    created_at: datetime
    description: str | None = None


@runtime_checkable
class PipelineStore(Protocol):
    """A store that remembers pipelines by their definition, too, beside the runs of them."""

    async def create_pipeline(self, pipeline: PipelineRecord) -> None:
        """Keep a definition.

        Raises:
            StoreError: there is a pipeline of that id already.
        """

    async def pipeline(self, pipeline_id: str) -> PipelineRecord:
        """A definition.

        Raises:
            NotFoundError: there is no such pipeline.
        """

    async def list_pipelines(self, *, limit: int = 100, before: str | None = None) -> Sequence[PipelineRecord]:
        """Definitions, newest first; ``before`` is the id that the page before ended with."""

    async def delete_pipeline(self, pipeline_id: str) -> None:
        """Forget a definition; runs of it stay.

        Raises:
            NotFoundError: there is no such pipeline.
        """

    async def pipeline_runs(
        self, pipeline_id: str, *, status: RunStatus | None = None, limit: int = 100, before: str | None = None
    ) -> Sequence[RunSummary]:
        """The runs of a pipeline, as `Store.list_runs` gives them."""


@runtime_checkable
class DirectStore(Protocol):
    """A store that can also be written to from the threads of actions, without the way over a loop.

    ``waits`` says whether `append_now` may wait for a disk or a lock. Where it does not, neither do the coroutines.
    """

    waits: bool

    def append_now(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """As `Store.append`."""
