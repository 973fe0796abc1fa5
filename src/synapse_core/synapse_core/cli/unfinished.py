"""The unfinished runs of a store, and why each is not taken up; told before another run is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from synapse_core.cli.engines import Engine
from synapse_core.cli.naming import runs_command, short_id
from synapse_core.cli.tables import columns
from synapse_core.cli.telling import warn
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary

if TYPE_CHECKING:
    from synapse_core.session import Session

_MOST_TOLD = 5
_MOST_LOOKED_AT = 100


@frozen
class _Left:
    """A run that is left as it is."""

    run: RunSummary
    engine: Engine


def tell_unfinished(session: Session, target: str, store: str | None = None) -> None:
    """Warn of the unfinished runs that a new run leaves as they are: a line each, those that nobody runs first.

    Args:
        session: with the store.
        target: what is run now; the actions of runs of the same are compared with what they were.
        store: the URL that was given for the store.
    """
    if not session.durable:
        return
    found = [_Left(run, Engine.of(session, run)) for run in unfinished_runs(session)]
    if not found:
        return
    told = sorted(found, key=lambda left: left.engine.lives)[:_MOST_TOLD]
    rows = [(short_id(left.run.id), left.run.name, _reason(session, left, target, store)) for left in told]
    at_least = " or more" if len(found) == _MOST_LOOKED_AT else ""
    many = f"{len(found)}{at_least} unfinished runs are" if len(found) > 1 else "1 unfinished run is"
    more = [f"and {len(found) - len(told)}{at_least} more"] if len(found) > len(told) else []
    warn("\n".join([f"{many} not taken up; `synapse runs recover` tells more", columns(rows), *more]))


def unfinished_runs(session: Session, most: int = _MOST_LOOKED_AT) -> list[RunSummary]:
    """The newest runs that have not ended."""
    pages = [
        session.call(session.store.list_runs(status=s, limit=most)) for s in (RunStatus.RUNNING, RunStatus.PENDING)
    ]
    return sorted((run for page in pages for run in page), key=lambda run: run.id, reverse=True)[:most]


def _reason(session: Session, left: _Left, target: str, store: str | None) -> str:
    if left.engine.lives:
        return f"it is run by {left.engine.where}"
    record = session.call(session.store.record(left.run.id))
    # The actions of others are not imported into this process, only to tell whether they have changed.
    look = session.unfinished([left.run.id]) if record.target == target else []
    if look and look[0].reason is not None:
        return f"{look[0].reason}; `{runs_command('resume', left.run.id, store, '--plan')}` says more"
    return f"its engine is gone; `{runs_command('recover', left.run.id, store)}` goes on with it"
