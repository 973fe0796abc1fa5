"""The unfinished runs of a store, and why each is not taken up; told before another run is started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from synapse_core.cli.engines import Engine, engine_of
from synapse_core.cli.naming import runs_command, short_id
from synapse_core.cli.tables import columns
from synapse_core.cli.telling import warn
from synapse_core.models import RunStatus
from synapse_core.protocols import RunSummary, Store

if TYPE_CHECKING:
    from synapse_core.session import Session

_MOST_TOLD = 5
MOST_LOOKED_AT = 100
"""Of more unfinished runs it is only said that there are more."""


@frozen
class Left:
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
    found = session.call(unfinished(session.store))
    if not found:
        return
    told = sorted(found, key=lambda left: left.engine.lives)[:_MOST_TOLD]
    rows = [(short_id(left.run.id), left.run.name, _reason(session, left, target, store)) for left in told]
    head = f"{how_many(found)} not taken up; `{runs_command('recover', '', store)}` tells more"
    warn("\n".join([head, columns(rows), *and_more(found, told)]))


async def unfinished(store: Store) -> list[Left]:
    """The newest runs that have not ended and are not reported, of `MOST_LOOKED_AT` at most."""
    pages = [await store.list_runs(status=s, limit=MOST_LOOKED_AT) for s in (RunStatus.RUNNING, RunStatus.PENDING)]
    newest = sorted((run for page in pages for run in page), key=lambda run: run.id, reverse=True)[:MOST_LOOKED_AT]
    found = [Left(run, await engine_of(store, run)) for run in newest]
    return [left for left in found if not left.engine.reported]


def how_many(found: Sequence[Left]) -> str:
    """``1 unfinished run is``, ``3 unfinished runs are``; ``100 or more``, where not all were looked at."""
    if len(found) == 1:
        return "1 unfinished run is"
    return f"{len(found)}{' or more' if len(found) == MOST_LOOKED_AT else ''} unfinished runs are"


def and_more(found: Sequence[Left], told: Sequence[Left]) -> list[str]:
    """``and 7 more``, where there are some that are not told of."""
    left = len(found) - len(told)
    return [f"and {left} more{', at least' if len(found) == MOST_LOOKED_AT else ''}"] if left else []


def _reason(session: Session, left: Left, target: str, store: str | None) -> str:
    if left.engine.lives:
        return f"it is run by {left.engine.where}"
    record = session.call(session.store.record(left.run.id))
    # The actions of others are not imported into this process, only to tell whether they have changed.
    look = session.unfinished([left.run.id]) if record.target == target else []
    if look and look[0].reason is not None:
        return f"{look[0].reason}; `{runs_command('resume', left.run.id, store, '--plan')}` says more"
    return f"its engine is gone; `{runs_command('recover', left.run.id, store)}` goes on with it"
