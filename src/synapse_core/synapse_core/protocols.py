"""What the engine is made to work with, known only by these protocols: executors, stores and sinks.

All values that cross to a worker or a store are plain data; `Call.spec` is the one exception, and stays in the
process that made it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from attrs import evolve, field, frozen

from synapse_core.events import Draft, Event
from synapse_core.models import Checkpoint, Failure, PipelineProgress, RunStatus
from synapse_core.pipeline.node import Resources

if TYPE_CHECKING:
    from synapse_core.actiondef import ActionSpec
    from synapse_core.actiondef.base import StopMode


# -- executors: how one attempt of one action runs ------------------------------------------------------------


@frozen
class Call:
    """One attempt of one action: what a worker is told.

    ``params`` is the JSON data that the action's model is made from; ``extra`` says what becomes of keys that the
    model does not know. ``hooks`` are entry points of plugins that act inside the worker. ``midway`` is the state
    that an earlier attempt saved. ``passes``: the result is only wanted by later actions, so that an executor may keep
    large parts of it and give tokens for them; see `synapse_core.worker.large`. ``stop``: one that is ``hard`` is run
    in a child process of its own; None where only the worker can tell, as it has the action's code. ``spec`` and
    ``local`` (the session's worker hooks) are for workers that share the engine's process.
    """

    run_id: str
    action: str
    attempt: int
    entrypoint: str
    params: Mapping[str, Any] = field(repr=False)  # there may be secrets in them
    root: str | None = None
    extra: Literal["ignore", "forbid"] = "ignore"
    strict: bool = False
    work_dir: str | None = None
    env: Mapping[str, str] = field(factory=dict, repr=False)
    job_id: str | None = None
    midway: Mapping[str, Any] | None = None
    hooks: tuple[str, ...] = ()
    resources: Resources | None = None
    passes: bool = False
    stop: StopMode | None = None
    spec: ActionSpec | None = field(default=None, repr=False, eq=False)
    local: Any = field(default=None, repr=False, eq=False)

    def plain(self) -> Call:
        """The call without what cannot leave this process."""
        return evolve(self, spec=None, local=None)


OutcomeStatus = Literal["completed", "failed", "invalid", "cancelled", "died", "abandoned"]


@frozen
class Outcome:
    """How an attempt ended.

    Attributes:
        status: ``invalid`` are params or a result that do not fit (never retried); ``died`` is a worker that ended
            without an outcome (retried like a failure); ``abandoned`` is an action that was told to stop, still
            runs, and cannot be forced.
        result: the result as JSON data.
        merges: what the result adds to the params of later actions; None where it adds nothing.
        value: the result itself, where the worker shares the engine's process.
        failure: what went wrong.
        kinds: names of the exception's type and of what that is a subclass of, where they are known; retries go by
            them.
    """

    status: OutcomeStatus
    result: Any = None
    merges: Mapping[str, Any] | None = None
    value: Any = field(default=None, eq=False, repr=False)
    failure: Failure | None = None
    kinds: tuple[str, ...] = ()


class Attempt(Protocol):
    """An attempt that was started."""

    async def outcome(self) -> Outcome:
        """Wait for the end; never raises but when cancelled itself."""

    def drain(self) -> list[Draft]:
        """What the action has reported since the last call, progress conflated, in order."""

    async def cancel(self, reason: str, grace: float) -> None:
        """Stop it: ask first, and after ``grace`` seconds force where that can be done.

        Soon after the grace period `outcome` returns, whether the action listened, was ended, or was abandoned. A
        second call may shorten the grace.
        """


@runtime_checkable
class Queued(Protocol):
    """An attempt that may wait for resources before it runs: its timeout counts from then on."""

    async def begun(self) -> None:
        """Wait until it runs; for ever, where it ends without."""


Then = Callable[[Outcome], "Call | None"]


class Executor(Protocol):
    """Runs attempts."""

    @property
    def capacity(self) -> Mapping[str, float]:
        """How much of each resource (``num_cpus``, ``num_gpus``, ``memory``, custom names) there is.

        ``workers`` bounds how many attempts run at once; a resource that is not named is not bounded here.
        """

    def start(self, call: Call, wake: Callable[[], None], then: Then | None = None) -> Attempt:
        """Start one attempt, without blocking, on the running loop.

        ``wake`` is called, from any thread, when the attempt has so much to report that it should be drained now.
        An executor may take no notice of ``then``. One whose worker could at once go on with another call asks it,
        where the action ran and as soon as it has ended; if it gives a call, the same attempt goes on with that, and
        the outcome is that of the last call. It spares short actions the way to the engine and back.
        """

    async def aclose(self) -> None:
        """End whatever still runs and free what is held."""


@runtime_checkable
class Findable(Protocol):
    """An executor whose attempts live elsewhere, outlive the engine, and are found again by run, action and attempt.

    That an attempt is started is durable before `Executor.start` is called.
    """

    async def find(self, call: Call, wake: Callable[[], None]) -> Attempt | None:
        """The attempt that an engine before this one started, whether it runs or has ended; None if there is none.

        What it reported before may be given by its `drain` again.
        """


class PipelineHost(Protocol):
    """Runs whole pipelines elsewhere, their engines too; it may be closed while they run."""

    @property
    def store_url(self) -> str:
        """The URL of the store that keeps its runs: by that anybody can watch, cancel and resume them.

        Raises:
            SynapseError: what it runs on cannot be reached.
        """

    def submit(
        self,
        pipeline: Any,
        params: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        resume_from: str | None = None,
        **options: Any,
    ) -> str:
        """Start a run there and return its id, without waiting for it.

        Args:
            pipeline: as for `Session.submit`.
            params: as for `Session.submit`.
            name: the run's name; the pipeline's if None.
            resume_from: a run in the same store whose completed actions are reused.
            **options: the others of `RunOptions` that say how a run is run.
        """

    def recover(self, run_id: str) -> None:
        """Go on with a run of its store whose engine is gone.

        Raises:
            RunNotFoundError: there is no such run.
            StoreError: it has ended, or its engine lives.
        """

    def close(self) -> None:
        """Let go of what is held here; runs go on."""


# -- stores: how a run is remembered --------------------------------------------------------------------------


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
        """Every event (of these kinds) from ``after`` on, in batches, as they come; ends after the run's last."""

    async def delete(self, run_id: str) -> None:
        """Forget a run.

        Raises:
            RunNotFoundError: there is no such run.
            StoreError: the run has not ended.
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


# -- sinks: who is told -----------------------------------------------------------------------------------------


@runtime_checkable
class Sink(Protocol):
    """Is told a run's events, in order, on a thread of its own: it may block and delays nobody."""

    def write(self, events: Sequence[Event]) -> None:
        """Take the next events."""

    def close(self) -> None:
        """The run has ended, or this sink was dropped from it."""


@frozen
class RunInfo:
    """What a sink or a run hook is told of a run before it starts.

    ``known``: of a run that is recovered, how many events were told before; sinks are told them again, for the state.
    """

    run_id: str
    name: str
    actions: tuple[str, ...]
    params: Mapping[str, Any] = field(factory=dict, repr=False)
    work_dir: str | None = None
    display: Literal["live", "plain", "json", "none"] = "none"
    known: int = 0


# -- offers: named objects that plugins hand out ----------------------------------------------------------------


@frozen
class ExecutorOffer:
    """An executor by name. ``factory`` takes the options given for it and imports what it needs.

    ``runs`` is what the factory's object is: an `Executor` of ``attempts`` for the engine of this process, or a
    `PipelineHost` that runs the whole ``pipeline`` elsewhere. ``forces`` says whether cancel can end an action that
    does not listen. ``flags`` are options that are so usual that the command line has them as ``--ray-address VALUE``
    (for ``ray_address``) beside ``-o ray_address=VALUE``; by option, their help. ``store_option`` is the option by
    which a `PipelineHost` is told the URL of the store that is to keep its runs, if it can be told.
    """

    name: str
    factory: Callable[..., Any]
    help: str = ""
    runs: Literal["attempts", "pipeline"] = "attempts"
    forces: bool = False
    flags: Mapping[str, str] = field(factory=dict)
    store_option: str | None = None


@frozen
class StoreOffer:
    """A store by URL scheme; ``factory`` takes the URL."""

    scheme: str
    factory: Callable[[str], Store]
    help: str = ""
