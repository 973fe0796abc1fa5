"""How one attempt of one action runs, and whole pipelines elsewhere: `Executor`, `PipelineHost`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from attrs import field, frozen

from synapse_core.events import Draft
from synapse_core.models import Failure
from synapse_core.pipeline.node import Resources

if TYPE_CHECKING:
    from synapse_core.actiondef import ActionSpec
    from synapse_core.actiondef.base import StopMode


@frozen(slots=False)  # its seventeen fields are set in half the time so, and each action has one
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


OutcomeStatus = Literal["completed", "failed", "invalid", "cancelled", "died", "abandoned"]


@frozen(slots=False)
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
            **options: the others of `RunOptions` that say how a run is run; ``run_id``, where the id is given.
        """

    def recover(self, run_id: str) -> None:
        """Go on with a run of its store whose engine is gone.

        Raises:
            RunNotFoundError: there is no such run.
            StoreError: it has ended, or its engine lives.
        """

    def close(self) -> None:
        """Let go of what is held here; runs go on."""
