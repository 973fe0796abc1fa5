"""Taking a run up, in the runner's process: from the order to the run that is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse_core import Session
from synapse_core.cli.target import find_lasting
from synapse_core.discovery.loading import load_action
from synapse_core.errors import NotFoundError, PipelineChangedError, RunNotFoundError, SynapseError, ValidationError
from synapse_core.pipeline import PipelineGraph, Plan
from synapse_core.protocols import RunRecord
from synapse_store.runner.fence import Fence, outside
from synapse_store.runner.orders import Order, Reply

_EXECUTORS = ("local", "process")
_KEPT = ("job_id", "extra", "strict", "grace")


def take_up(session: Session, fence: Fence, order: Order) -> Reply:
    """Start what is ordered; the reply has the id of the run that goes on now, or says why there is none."""
    try:
        return Reply(_start(session, fence, order))
    except ValidationError as error:
        issues = [(issue.path, fence.clean(issue.message)) for issue in error.issues]
        return Reply(None, "wrong", fence.clean(str(error)), issues)
    except SynapseError as error:
        return Reply(None, _why(error), fence.clean(_words(error)))
    except (Exception, SystemExit) as error:  # noqa: BLE001  the folder's code may raise anything while it is imported
        return Reply(None, "failed", fence.clean(f"{type(error).__name__}: {error}"))


def look(session: Session, fence: Fence, order: Order) -> Reply:
    """Why runs cannot be recovered; those that can be are left out."""
    found = [(run_id, _why_not(session, fence, run_id)) for run_id in order.runs]
    return Reply(errors=[(run_id, reason) for run_id, reason in found if reason is not None])


def _why_not(session: Session, fence: Fence, run_id: str) -> str | None:
    try:
        record: RunRecord = session.call(session.store.record(run_id))
        _check_executor(record)
        fence.check_plan(record.plan)
        return next((run.reason for run in session.unfinished([run_id])), None)
    except SynapseError as error:
        return _words(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001  as in `take_up`
        return f"{type(error).__name__}: {error}"


def _why(error: SynapseError) -> Any:
    if isinstance(error, PipelineChangedError):
        return "changed"
    return "missing" if isinstance(error, RunNotFoundError) else "refused"


def _words(error: SynapseError) -> str:
    cause = error.__cause__
    more = f" ({type(cause).__name__}: {cause})" if cause is not None and str(cause) not in error.message else ""
    return f"{error.message}{more}"


def _start(session: Session, fence: Fence, order: Order) -> str:
    record: RunRecord = session.call(session.store.record(order.run))
    _check_executor(record)
    if order.do == "recover":
        fence.check_plan(record.plan)
        return session.recover(order.run)
    kept = {name: record.options[name] for name in _KEPT if record.options.get(name) is not None}
    return session.submit(
        _pipeline(session, fence, record),
        order.params,
        **kept,
        executor=_executor(record),
        options=_options(record),
        resume_from=record.id,
        rerun_from=order.action,
        force=order.force,
        name=record.name or None,
        target=record.target,
    )


def _pipeline(session: Session, fence: Fence, record: RunRecord) -> PipelineGraph:
    """The pipeline as it is now: from where the run's was loaded, if that is in the folder, else as the store has it.

    Raises:
        SynapseError: it cannot be loaded, or is not in the folder.
    """
    if record.target and fence.has_target(record.target):
        return find_lasting(session.pm, record.target).graph
    try:
        fence.check_plan(record.plan)
    except SynapseError:
        if record.target:
            raise outside(record.target) from None
        raise
    return PipelineGraph.of_plan(Plan.from_data(record.plan, loader=load_action))


# -- how it is run ----------------------------------------------------------------------------------------------


def _check_executor(record: RunRecord) -> None:
    """See that the run can be run here as it was run before: what its executor is told may come from anybody.

    Raises:
        SynapseError: it cannot.
    """
    if _executor(record) in _EXECUTORS and set(_kept_options(record)) <= {"workers"}:
        return
    raise NotFoundError(
        f"the run's executor is {_executor(record)!r}; the runner has {' and '.join(_EXECUTORS)}, with no options",
        hint="take it up by the command, where that executor is",
    )


def _executor(record: RunRecord) -> str:
    return str(record.options.get("executor") or "local")


def _kept_options(record: RunRecord) -> Mapping[str, Any]:
    found = record.options.get("options")
    return found if isinstance(found, Mapping) else {}


def _options(record: RunRecord) -> dict[str, Any]:
    workers = _kept_options(record).get("workers")
    return {"workers": min(workers, 64)} if type(workers) is int and workers > 0 else {}
