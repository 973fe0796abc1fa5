"""``synapse runs watch``: a run's states, shown as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from synapse_core.builtin.console import display_progress
from synapse_core.cli import codes
from synapse_core.cli.naming import runs_command
from synapse_core.cli.runs.data import progress_json
from synapse_core.cli.runs.following import Follower, states
from synapse_core.cli.telling import say
from synapse_core.models import PipelineProgress, RunStatus

if TYPE_CHECKING:
    from synapse_core.session import Session


def watch(session: Session, run_id: str, *, as_json: bool = False, store: str | None = None) -> int:
    """Show a run until it has ended; the exit code tells how.

    Raises:
        RunNotFoundError: there is no such run.
    """
    start = session.progress(run_id)
    with Follower(session, run_id, after=start.seq) as follower:
        try:
            seen = states(start, follower)
            last = _print_all(seen) if as_json else display_progress(seen)
        except KeyboardInterrupt:
            return _stopped(session, run_id, store)
    if follower.orphaned:
        say(f"its engine is gone: `{runs_command('recover', run_id, store)}` goes on with it")
        return codes.FAILED
    return codes.COMPLETED if last.status is RunStatus.COMPLETED else codes.FAILED


def _print_all(seen: Iterator[PipelineProgress]) -> PipelineProgress:
    last = PipelineProgress()
    for last in seen:
        print(json.dumps(progress_json(last)), flush=True)
    return last


def _stopped(session: Session, run_id: str, store: str | None) -> int:
    if not session.progress(run_id).status.is_terminal():
        say(f"\nno longer watched; the run goes on. `{runs_command('cancel', run_id, store)}` ends it")
    return codes.INTERRUPTED
