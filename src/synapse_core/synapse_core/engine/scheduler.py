"""Which action runs when, and what becomes of its outcome: `Scheduler`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from synapse_core.engine.attempt import Attempts, CarryOn, failure_payload
from synapse_core.engine.end import RunEnd
from synapse_core.engine.fanout import FanOut
from synapse_core.engine.identity import Identities
from synapse_core.engine.job import Job
from synapse_core.engine.recorder import Recorder
from synapse_core.engine.restore import Restored
from synapse_core.errors import StoreError, SynapseError
from synapse_core.events import Draft, Kind, now, unreached
from synapse_core.models import ActionProgress, Failure, RunStatus
from synapse_core.pipeline import ParamsView, Plan, PlanNode
from synapse_core.protocols import Outcome


class Scheduler:
    """Walks a plan: an action starts when all that it needs is done and durably stored.

    Args:
        run_id: the run.
        plan, params: what is run, with what.
        attempts: runs the actions.
        recorder: told what happens.
        identities: what checkpoints say of the actions.
        restored: what is known from before.
        lone: whether the run is all that its loop hosts now.
    """

    def __init__(
        self,
        run_id: str,
        plan: Plan,
        params: Mapping[str, Any],
        *,
        attempts: Attempts,
        recorder: Recorder,
        identities: Identities,
        restored: Restored,
        lone: Callable[[], bool],
    ) -> None:
        self._run_id = run_id
        self._plan = plan
        self._view = ParamsView(plan, params, identities.schema)
        self._identities = identities
        self._restored = restored
        self._lone = lone
        self._attempts = attempts
        self._recorder = recorder
        self._missing = {node.name: len(node.needs) for node in plan.nodes}
        self._left = dict.fromkeys(self._missing)
        self._leaves = frozenset(plan.leaves)
        # Conditions and lists of instances are looked at here, so they want whole results.
        self._passes = not any(node.when or node.each is not None for node in plan.nodes)
        self._values: dict[str, Any] = {}
        self._results: dict[str, Any] = {}
        self._errors: list[str] = []
        self._first: Outcome | None = None
        self._halted: str | None = None
        self._cancelled: str | None = None
        self._carry_on = CarryOn(self._settle_there, self._following)
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()

    # -- from outside -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until nothing runs any more and nothing can start."""
        self._start(self._plan.roots)
        if not self._tasks:
            self._over.set()
        await self._over.wait()
        self._skip(list(self._left), self._halted or "not reached")

    def cancel(self, reason: str, grace: float) -> None:
        """Start nothing more and stop what runs."""
        self._cancelled = self._cancelled or reason
        self._halted = self._halted or reason
        self._attempts.stop(reason, grace)

    def end(self) -> RunEnd:
        """How the run has ended."""
        if self._cancelled is not None:
            return RunEnd(RunStatus.CANCELLED, error=self._cancelled, errors=tuple(self._errors), outcome=self._first)
        if self._errors:
            return RunEnd(RunStatus.FAILED, error=self._errors[0], errors=tuple(self._errors), outcome=self._first)
        return RunEnd(RunStatus.COMPLETED, value=self._last(self._values))

    def result(self) -> Any:
        """The run's result as JSON data: the last action's; by name, where several are last."""
        return self._last(self._results)

    def _last(self, results: Mapping[str, Any]) -> Any:
        leaves = self._plan.leaves
        return results.get(leaves[0]) if len(leaves) == 1 else {name: results.get(name) for name in leaves}

    # -- the walk ---------------------------------------------------------------------------------------------

    def _start(self, names: Iterable[str]) -> None:
        for name in names:
            task = asyncio.ensure_future(self._chain(self._plan[name]))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail("", Outcome("failed", failure=Failure(type(error).__name__, str(error)), value=error))
        if not self._tasks:
            self._over.set()

    async def _chain(self, node: PlanNode | None) -> None:
        """Run a node, and in the same task the next that it makes ready: a sequence needs but one task."""
        while node is not None and self._halted is None:
            del self._left[node.name]
            ready = await self._node(node)
            self._start(ready[1:])
            node = self._plan[ready[0]] if ready else None

    async def _node(self, node: PlanNode) -> list[str]:
        """Run one node to its end; the nodes that are now ready."""
        try:
            return await self._run(node)
        except StoreError as error:
            self._halted = self._halted or str(error)
            raise
        except SynapseError as error:
            failure = Failure(type(error).__name__, str(error))
            self._failed(Job(node, node.name, {}), Outcome("invalid", failure=failure, value=error))
            return []

    async def _run(self, node: PlanNode) -> list[str]:
        kept = self._restored.outcome(node.name)
        if kept is not None:
            self._reused(node.name)
            return self._done(Job(node, node.name, {}), kept)
        if (failed := self._restored.failed(node.name)) is not None:
            self._fail_again(node, failed)
            return []
        view = self._view.view(node.name)
        if not self._view.should_run(node.name, view):
            reason = f"its condition does not hold: when={node.when!r}"
            self._recorder.post([Draft(Kind.ACTION_SKIPPED, now(), node.name, 0, {"reason": reason})])
            self._view.skip(node.name)
            return self._released(node)
        if node.each is not None:
            return await self._fan_out(node, view)
        alone = len(self._tasks) == 1 and node.timeout is None
        job, outcome = await self._attempts.run(self._job(node, node.name, view), self._carry_on if alone else None)
        return job.ready if job.ready is not None else await self._settle(job, outcome)

    def _settle_there(self, job: Job, outcome: Outcome) -> bool:
        """Settle a completed job on its worker's thread; False, and nothing done, where that cannot be.

        It is called only while the job is all that runs, so that nobody else walks the plan meanwhile.
        """
        completion = self._identities.completion(self._run_id, job, outcome)
        if self._halted is not None or not self._recorder.commit_now(*completion):
            return False
        job.ready = self._done(job, outcome)
        return True

    def _following(self, job: Job) -> Job | None:
        """The job that a worker goes on with, where that is simple: one that nothing is to be asked for."""
        if self._halted is not None or job.ready is None or len(job.ready) != 1:
            return None
        node = self._plan[job.ready[0]]
        if node.each or node.when or node.timeout or node.resources or self._restored.knows(node.name):
            return None
        if node.spec.stop == "hard":
            return None
        try:
            following = self._job(node, node.name, self._view.view(node.name))
        except SynapseError:  # met again, and told, where the node is run in the ordinary way
            return None
        del self._left[node.name]
        return following

    def _job(self, node: PlanNode, name: str, params: Mapping[str, Any]) -> Job:
        """The job, with what it knows from before: its attempts, and the state it saved mid-way."""
        job = Job(node, name, params, self._restored.attempts.get(name, 0), self._restored.midway.get(name))
        job.passes = self._passes and name not in self._leaves
        job.in_flight = self._restored.recovers and job.attempt > 0
        if job.midway is not None and not self._restored.recovers:
            self._recorder.post([Draft(Kind.ACTION_CHECKPOINT, now(), name, 0, job.midway)])
        return job

    def _reused(self, name: str) -> None:
        """Say that an action's result is taken from another run; a recovered run has said how it ended itself."""
        if not self._restored.recovers:
            reason = f"completed in run {self._restored.source}"
            self._recorder.post([Draft(Kind.ACTION_SKIPPED, now(), name, 0, {"reason": reason, "reused": True})])

    def _fail_again(self, node: PlanNode, failed: ActionProgress) -> None:
        """An action had failed for good when the run's engine died: do what the pipeline says of failures."""
        outcome = Outcome("failed", failure=failed.failure or Failure("Error", failed.error or ""))
        if failed.error != "cancelled":
            self._fail(failed.name, outcome)
            self._skip_dependents(node)

    def _released(self, node: PlanNode) -> list[str]:
        ready = []
        for child in self._plan.children(node.name):
            self._missing[child] -= 1
            if not self._missing[child] and child in self._left:
                ready.append(child)
        return ready

    # -- an action's end --------------------------------------------------------------------------------------

    async def _settle(self, job: Job, outcome: Outcome) -> list[str]:
        """Store how a node's job ended; the nodes that are now ready."""
        if outcome.status != "completed":
            self._failed(job, outcome)
            return []
        await self._keep(job, outcome)
        return self._done(job, outcome)

    async def _keep(self, job: Job, outcome: Outcome) -> None:
        here = self._attempts.idle and self._lone()  # else others may end meanwhile, and share the commit
        await self._recorder.commit(*self._identities.completion(self._run_id, job, outcome), here=here)

    def _done(self, job: Job, outcome: Outcome) -> list[str]:
        """Take in a completed node's result; the nodes that are now ready."""
        name = job.node.name
        self._view.done(name, outcome.merges, outcome.result)
        if name in self._leaves:
            self._values[name] = outcome.value if outcome.value is not None else outcome.result
            self._results[name] = outcome.result
        return self._released(job.node)

    def _failed(self, job: Job, outcome: Outcome, *, told: bool = False) -> None:
        """Store that a job failed, and do what the pipeline says of failures, unless it was ``told`` already."""
        if job.attempt == 0 and outcome.status == "cancelled":
            self._skip([job.name], self._halted or "cancelled")
            return
        failed = Draft(Kind.ACTION_FAILED, now(), job.name, job.attempt, failure_payload(outcome))
        self._recorder.post([*job.tail, failed])
        if outcome.status == "cancelled":
            return
        if not told:
            self._fail(job.name, outcome)
        if job.name == job.node.name:
            self._skip_dependents(job.node)

    def _fail(self, name: str, outcome: Outcome) -> None:
        text = f"action {name!r} failed: {outcome.failure}" if name else f"the engine failed: {outcome.failure}"
        self._errors.append(text)
        self._first = self._first or outcome
        mode = self._plan.on_failure
        if mode == "continue" and name:
            return
        self._halted = self._halted or f"not started: {name!r} failed"
        if mode == "cancel":
            self._attempts.stop(f"{name!r} failed")

    def _skip_dependents(self, node: PlanNode) -> None:
        if self._plan.on_failure == "continue":
            left = [name for name in self._plan.descendants(node.name) if name in self._left]
            self._skip(left, f"needs {node.name!r}, which failed")

    def _skip(self, names: Iterable[str], reason: str) -> None:
        for name in names:
            self._left.pop(name, None)
            self._recorder.post([unreached(name, reason)])

    # -- fan-out ----------------------------------------------------------------------------------------------

    async def _fan_out(self, node: PlanNode, view: Mapping[str, Any]) -> list[str]:
        fan = FanOut(node, self._view.items(node.name, view), self._instance)
        job = self._job(node, node.name, view)
        job.attempt += 1
        started = Draft(Kind.ACTION_STARTED, now(), node.name, job.attempt, {"instances": len(fan.items)})
        self._recorder.post([started])
        outcome = await fan.run()
        if outcome.status != "completed":  # an instance has said why
            self._failed(job, outcome, told=True)
            return []
        return await self._settle(job, outcome)

    async def _instance(self, node: PlanNode, index: int, item: Any) -> Outcome | None:
        """Run one instance; None where it could not be started any more."""
        if self._halted is not None:
            return None
        name = f"{node.name}[{index}]"
        kept = self._restored.outcome(name)
        if kept is not None:
            self._reused(name)
            return kept
        if (failed := self._restored.failed(name)) is not None:
            self._fail_again(node, failed)
            return Outcome("failed", failure=failed.failure)
        job = self._job(node, name, self._view.instance_params(node.name, item))
        job, outcome = await self._attempts.run(job)
        if outcome.status == "completed":
            await self._keep(job, outcome)
        else:
            self._failed(job, outcome)
        return outcome
