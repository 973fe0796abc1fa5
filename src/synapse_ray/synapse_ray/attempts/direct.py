"""One action run by itself, for a caller that blocks: the call for it, and its result or error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from synapse_core import errors
from synapse_core.actiondef import ActionSpec, spec_of
from synapse_core.actiondef.spec import action_name_of
from synapse_core.actiondef.target import split_entrypoint
from synapse_core.errors import (
    DiscoveryError,
    ExecutionError,
    FieldIssue,
    RunCancelledError,
    SynapseError,
    ValidationError,
    WorkerDiedError,
)
from synapse_core.models import Failure
from synapse_core.protocols import Call, Outcome
from synapse_core.schema import default_schema
from synapse_core.worker import check_not_loading
from synapse_ray.worker.order import Head, Issues


@frozen
class Target:
    """The action that is to be run.

    Attributes:
        name, entrypoint, root: as those of `ActionSpec`.
        spec: the action itself, where this process has it.
    """

    name: str
    entrypoint: str
    root: str | None = None
    spec: ActionSpec | None = None

    @classmethod
    def of(cls, action: Any) -> Target:
        """The target that a class, a decorated function, a spec or an entry point names.

        An entry point need not be importable here: only the workers have to be able to.

        Raises:
            DiscoveryError: it is no action, or no entry point.
            SynapseError: a worker is only importing its action, and would run what is here without end.
        """
        check_not_loading()
        if isinstance(action, str):
            _, name = split_entrypoint(action)
            return cls(action_name_of(name.rpartition(".")[2]), action)
        spec = spec_of(action)
        return cls(spec.name, spec.entrypoint, spec.root, spec)

    def call(self, run_id: str, params: Mapping[str, Any] | None, *, job_id: str | None, strict: bool = False) -> Call:
        """The call of one run of it; a key that its params model does not know is an error.

        Raises:
            UnserializableError: a param does not survive JSON.
        """
        data = default_schema().unstructure(dict(params or {}), subject=f"the params of {self.name!r}")
        stop = None if self.spec is None else self.spec.stop
        more: dict[str, Any] = {"job_id": job_id, "stop": stop, "spec": self.spec}
        return Call(run_id, self.name, 1, self.entrypoint, data, self.root, "forbid", strict, **more)


def result_of(target: Target, outcome: Outcome, run_id: str) -> Any:
    """The action's result, as an instance of its ``result_model`` where it has one that this process knows.

    Raises:
        ValidationError: params, or in a strict run the result, do not fit.
        ExecutionError: the action failed, was cancelled, or its worker died.
        SynapseError: it could not be started; which kind says why.
    """
    if outcome.status != "completed":
        raise error_of(target, outcome, run_id)
    model = target.spec.result_model if target.spec is not None else None
    if model is None:
        return outcome.result
    try:
        return default_schema().structure(outcome.result, model)
    except ValidationError:  # it was told in the log, and the call was not strict
        return outcome.result


def error_of(target: Target, outcome: Outcome, run_id: str) -> SynapseError:
    """The error that says how an action ended which did not complete."""
    if isinstance(outcome.value, SynapseError):
        return outcome.value
    failure = outcome.failure or Failure("Error", "no reason was given")
    known = _ours().get(failure.type) if outcome.status == "invalid" else None
    if known is not None:
        return known(failure.message)
    kinds = {"died": WorkerDiedError, "cancelled": RunCancelledError}
    how = "was cancelled" if outcome.status == "cancelled" else "failed"
    return kinds.get(outcome.status, ExecutionError)(
        f"action {target.name!r} {how}: {failure}",
        error_type=failure.type,
        traceback=failure.traceback,
        run_id=run_id,
    )


def _ours() -> dict[str, type[SynapseError]]:
    """The errors of ours that tell why an action could not even be begun, and are made of a message."""
    from synapse_ray import errors as ray_errors

    kinds = [DiscoveryError, *vars(ray_errors).values()]
    return {kind.__name__: kind for kind in kinds if isinstance(kind, type) and issubclass(kind, SynapseError)}


def read(head: Head) -> Outcome:
    """The outcome that a worker told; ``value`` has the error itself where params or a result do not fit."""
    outcome = head.outcome
    if head.issues is None or outcome.failure is None:
        return outcome
    return evolve(outcome, value=_validation_error(outcome.failure.type, head.issues))


def _validation_error(kind: str, issues: Issues) -> ValidationError:
    cls = getattr(errors, kind, ValidationError)
    subject, fields, hint = issues
    made = [FieldIssue(*field) for field in fields]
    error: ValidationError = (cls if issubclass(cls, ValidationError) else ValidationError)(subject, made, hint=hint)
    return error
