"""What a resume would reuse and what it would run, and why: `plan_resume`. It runs nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from attrs import field, frozen

from synapse_core.engine.identity import Identities
from synapse_core.env.masking import hide
from synapse_core.errors import PipelineChangedError, PipelineError
from synapse_core.models import Checkpoint
from synapse_core.pipeline import ParamsView, Plan, PlanNode
from synapse_core.protocols import RunRecord

Decision = Literal["reuse", "run", "changed"]


@frozen
class ActionDecision:
    """What becomes of one action, and why.

    ``changes`` says, where it has changed, what was and what is. ``goes_on`` says that it was interrupted, and is run
    from the state it saved mid-way.
    """

    name: str
    decision: Decision
    why: str
    changes: tuple[str, ...] = ()
    goes_on: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.decision}, {self.why}"


@frozen
class ResumePlan:
    """What a resume of ``run_id`` would do, action by action in pipeline order.

    Attributes:
        reuse: the checkpoints that would be reused, those of instances too, by name.
        changed: what has changed of the part that was completed; a resume is refused for it, unless forced.
    """

    run_id: str
    actions: tuple[ActionDecision, ...]
    reuse: Mapping[str, Checkpoint] = field(factory=dict, repr=False)

    @property
    def changed(self) -> tuple[ActionDecision, ...]:
        """The actions that were completed and are not the same any more."""
        return tuple(action for action in self.actions if action.changes)

    def check(self) -> None:
        """Refuse a resume that would run changed actions.

        Raises:
            PipelineChangedError: it lists, per action, what was and what is.
        """
        if self.changed:
            lines = [f"  {action.name}: {change}" for action in self.changed for change in action.changes]
            raise PipelineChangedError(
                "\n".join([f"run {self.run_id} cannot be resumed: what it has completed has changed since", *lines]),
                hint="undo the change, or force the resume, which runs these and all that follows them again",
            )


def plan_resume(
    plan: Plan,
    params: Mapping[str, Any],
    *,
    record: RunRecord,
    checkpoints: Sequence[Checkpoint],
    identities: Identities,
    rerun_from: str | None = None,
    midway: Collection[str] = (),
) -> ResumePlan:
    """Compare a pipeline with what an earlier run of it has completed.

    Args:
        plan: what would be run now.
        params: with which params.
        record: the earlier run.
        checkpoints: what it has completed.
        identities: tells what the actions are now.
        rerun_from: run this action and all that follow it in any case.
        midway: the actions, and instances of them, that have saved a state of themselves.

    Raises:
        NotFoundError: there is no action ``rerun_from``.
    """
    return _Comparison(plan, params, record, checkpoints, identities, midway=midway).compare(rerun_from)


class _Comparison:
    def __init__(
        self,
        plan: Plan,
        params: Mapping[str, Any],
        record: RunRecord,
        checkpoints: Sequence[Checkpoint],
        identities: Identities,
        *,
        midway: Collection[str],
    ) -> None:
        self._midway = frozenset(name.partition("[")[0] for name in midway)
        self._plan = plan
        self._params = params
        self._record = record
        self._kept = {checkpoint.action_name: checkpoint for checkpoint in checkpoints}
        self._identities = identities
        self._was = {node["name"]: node for node in record.plan.get("nodes", ())}
        self._secrets = frozenset(record.plan.get("secrets", ()))
        self._view = ParamsView(plan, params, identities.schema)
        self._reuse: dict[str, Checkpoint] = {}
        self._skipped: set[str] = set()

    def compare(self, rerun_from: str | None) -> ResumePlan:
        again = {} if rerun_from is None else _asked(self._plan, rerun_from)
        decisions = [
            ActionDecision(node.name, "run", again[node.name]) if node.name in again else self._decide(node)
            for node in self._plan
        ]
        decisions += [
            ActionDecision(
                name, "changed", "it is gone", (f"was completed, and is no longer in pipeline {self._plan.name!r}",)
            )
            for name in self._kept
            if "[" not in name and name not in self._plan
        ]
        return ResumePlan(self._record.id, tuple(decisions), self._reuse)

    def _decide(self, node: PlanNode) -> ActionDecision:
        kept = self._kept.get(node.name)
        unsettled = [need for need in node.needs if need not in self._reuse and need not in self._skipped]
        if kept is None:
            return self._not_kept(node, unsettled)
        changes = self._changes(node, kept, unsettled)
        if changes:
            return ActionDecision(node.name, "changed", "; ".join(changes), tuple(changes))
        if unsettled:
            return ActionDecision(node.name, "run", f"it needs {unsettled[0]!r}, which is run again")
        self._take(node, kept)
        return ActionDecision(node.name, "reuse", "it was completed, and nothing that it depends on has changed")

    def _not_kept(self, node: PlanNode, unsettled: list[str]) -> ActionDecision:
        if not unsettled and node.when is not None and not self._view.should_run(node.name, self._view.view(node.name)):
            self._view.skip(node.name)
            self._skipped.add(node.name)
            return ActionDecision(node.name, "run", f"its condition does not hold, when={node.when!r}: it is skipped")
        if not unsettled and node.each is not None and (kept := self._kept_instances(node)):
            done = self._take_instances(node)
            return ActionDecision(node.name, "run", _instances(done, kept - done), goes_on=done > 0)
        if node.name not in self._was:
            return ActionDecision(node.name, "run", "it is new")
        if node.name in self._midway and not unsettled:
            return ActionDecision(node.name, "run", "it goes on from the state that it saved", goes_on=True)
        return ActionDecision(node.name, "run", "it was not completed")

    # -- what has changed -------------------------------------------------------------------------------------

    def _changes(self, node: PlanNode, kept: Checkpoint, unsettled: list[str]) -> list[str]:
        changes = self._changes_of_action(node, kept)
        needed = list(self._was.get(node.name, {}).get("needs", ()))
        if sorted(needed) != sorted(node.needs):
            changes.append(f"it needed {_listed(needed)}, and needs {_listed(node.needs)}")
        if not unsettled and not changes:
            changes += self._changes_of_inputs(node, kept)
        return changes

    def _changes_of_action(self, node: PlanNode, kept: Checkpoint) -> list[str]:
        changes = []
        entrypoint, version = self._identities.action(node)
        if kept.entrypoint != entrypoint:
            changes.append(f"was {kept.entrypoint}, and is {entrypoint}")
        if kept.version and version and kept.version != version:
            edited = " (its source, or a model of it, was edited)" if _is_code(kept.version, version) else ""
            changes.append(f"was of {_version(kept.version)}, and is of {_version(version)}{edited}")
        return changes

    def _changes_of_inputs(self, node: PlanNode, kept: Checkpoint) -> list[str]:
        try:
            view = self._view.view(node.name)
        except PipelineError as error:
            return [f"its inputs cannot be had any more: {error.message}"]
        if not self._view.should_run(node.name, view):
            return [f"its condition held, and does not hold any more, when={node.when!r}"]
        if not kept.inputs_hash or kept.inputs_hash == self._identities.inputs(node, view):
            return []
        before = self._record.params
        consumed = [key for key in self._params if self._identities.counts(node, key)]
        differing = [key for key in consumed if key not in before or before[key] != self._params[key]]
        if not differing:
            return ["its inputs are not those it was given"]
        return [self._differs(key, self._shown(key, before), self._shown(key, self._params)) for key in differing]

    @staticmethod
    def _differs(key: str, was: str, now: str) -> str:
        return f"param {key!r} was {was}, and is {now if now != was else 'another'}"

    def _shown(self, key: str, params: Mapping[str, Any]) -> str:
        if key not in params:
            return "not given"
        text = repr(hide({key: params[key]}, self._secrets)[key])
        return text if len(text) <= 60 else f"{text[:60]}…"

    # -- what is reused ---------------------------------------------------------------------------------------

    def _take(self, node: PlanNode, kept: Checkpoint) -> None:
        self._reuse[node.name] = kept
        self._view.done(node.name, kept.result if isinstance(kept.result, Mapping) else None, kept.result)

    def _kept_instances(self, node: PlanNode) -> int:
        return sum(name.startswith(f"{node.name}[") for name in self._kept)

    def _take_instances(self, node: PlanNode) -> int:
        """Take over the instances whose action and item are the same; how many."""
        done = 0
        try:
            items = self._view.items(node.name, self._view.view(node.name))
        except PipelineError:
            return 0
        for index, item in enumerate(items):
            kept = self._kept.get(f"{node.name}[{index}]")
            if kept is None or self._changes_of_action(node, kept):
                continue
            if kept.inputs_hash == self._identities.inputs(node, self._view.instance_params(node.name, item)):
                self._reuse[kept.action_name] = kept
                done += 1
        return done


def without(plan: Plan, resume: ResumePlan) -> ResumePlan:
    """A forced resume: what has changed is run, and all that follows it."""
    redone = {name for action in resume.changed if action.name in plan for name in _from(plan, action.name)}
    reuse = {name: kept for name, kept in resume.reuse.items() if name.partition("[")[0] not in redone}
    actions = tuple(
        ActionDecision(a.name, "run", "forced: " + a.why if a.changes else "it follows one that has changed")
        if a.name in redone
        else a
        for a in resume.actions
        if a.name in plan
    )
    return ResumePlan(resume.run_id, actions, reuse)


def _instances(reused: int, changed: int) -> str:
    """What becomes of the instances that were completed."""
    parts = {"reused": reused, "changed and run again": changed}
    told = ", ".join(f"{count} {what}" for what, count in parts.items() if count)
    return f"{reused + changed} of its instances were completed: {told}"


def _asked(plan: Plan, name: str) -> dict[str, str]:
    """Why an action and all that follow it are run in any case."""
    return {
        name: "it was asked for",
        **dict.fromkeys(plan.descendants(name), f"it follows {name!r}, which was asked for"),
    }


def _from(plan: Plan, name: str) -> Sequence[str]:
    return (name, *plan.descendants(name))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"


def _version(text: str) -> str:
    return text if _is_code(text) else f"version {text!r}"


def _is_code(*versions: str) -> bool:
    """Whether these are digests of code, and none was declared."""
    return all(version.startswith("code ") for version in versions)
