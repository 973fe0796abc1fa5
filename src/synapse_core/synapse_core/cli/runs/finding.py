"""Opening a store, and finding the run that a word stands for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from synapse_core.cli.naming import runs_command, short_id
from synapse_core.cli.state import State
from synapse_core.cli.telling import warn
from synapse_core.errors import NotFoundError, RunNotFoundError, SynapseError, unknown

if TYPE_CHECKING:
    from synapse_core.protocols import RunRecord
    from synapse_core.session import Session

_MOST_TOLD = 5
_AFTER_ALL = "~"
"""Sorts behind whatever stands in an id."""


@contextmanager
def opened(state: State, store: str | None) -> Iterator[Session]:
    """A session on the store; where runs end with their process, a warning says so.

    Raises:
        PluginError, NotFoundError, StoreError: as `State.session`.
    """
    from synapse_core.session.stores import default_store

    with state.session(store) as session:
        if (store or default_store(session.pm)).startswith("memory:"):
            warn("the store memory: keeps nothing for later; install synapse-store, or name a store by --store")
        yield session


def find_run(session: Session, word: str, store: str | None = None) -> str:
    """The id of the run that ``word`` is the id, or the beginning of the id, of; ``last`` is the newest.

    Args:
        session: on the store.
        word: what was said.
        store: its URL as it was given, if it was, for what is to be copied.

    Raises:
        RunNotFoundError: there is none.
        SynapseError: there are several.
    """
    where = f"`{runs_command('list', '', store)}` shows which there are"
    if not word:  # every id begins with it
        raise RunNotFoundError("'' names no run", hint=where)
    newest = word == "last"
    kept = session.store
    listed = kept.list_runs(limit=1) if newest else kept.list_runs(before=word + _AFTER_ALL, limit=_MOST_TOLD + 1)
    found = [run for run in session.call(listed) if newest or run.id.startswith(word)]
    if word in {run.id for run in found}:
        return word
    if not found:
        missing = "there are no runs yet" if newest else f"no run {word!r}"
        raise RunNotFoundError(missing, hint=None if newest else where)
    if len(found) > 1:
        told = [f"  {run.id}  {run.name}, {run.status}" for run in found[:_MOST_TOLD]]
        more = ["  and more"] if len(found) > _MOST_TOLD else []
        raise SynapseError(
            "\n".join([f"several runs begin with {short_id(word)!r}:", *told, *more]), hint="give more of the id"
        )
    return found[0].id


def check_action(record: RunRecord, action: str | None) -> None:
    """Refuse an action, or an instance of one, that the run does not have; of a run without a plan any may be.

    Raises:
        NotFoundError: it names those that there are.
    """
    names = [node["name"] for node in record.plan.get("nodes", ())]
    if action is not None and names and action.partition("[")[0] not in names:
        raise NotFoundError(f"run {record.id}: {unknown('action', action, names)}")
