"""``synapse runs cancel`` and ``delete``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synapse_core.cli import codes
from synapse_core.cli.engines import Engine
from synapse_core.cli.naming import runs_command, short_id
from synapse_core.cli.runs.following import Follower
from synapse_core.cli.tables import show_json
from synapse_core.cli.telling import complain, say
from synapse_core.errors import SynapseError
from synapse_core.events import RUN_ENDED
from synapse_core.models import PipelineProgress, RunStatus
from synapse_core.protocols import RunRecord

if TYPE_CHECKING:
    from synapse_core.session import Session


def cancel(session: Session, run_id: str, *, force: bool, wait: bool, reason: str, as_json: bool) -> int:
    """Ask for a run's end, and wait for it if that is wanted; the exit code.

    Raises:
        RunNotFoundError: there is no such run.
    """
    before = session.progress(run_id)
    engine = Engine.of(session, before)
    session.cancel(run_id, reason=reason, force=force)
    if wait and not before.status.is_terminal() and not _wait(session, run_id):
        return codes.INTERRUPTED
    now = session.progress(run_id)
    if as_json:
        show_json({"id": run_id, "status": str(now.status), "cancel_requested": now.cancel_requested})
    else:
        say(_told(before, now, engine))
    return codes.COMPLETED


def _wait(session: Session, run_id: str) -> bool:
    with Follower(session, run_id, kinds=RUN_ENDED) as follower:
        try:
            for _ in follower:
                pass
        except KeyboardInterrupt:
            say("\nno longer waited for; the run is being cancelled all the same")
            return False
    if follower.orphaned:
        session.cancel(run_id)
    return True


def _told(before: PipelineProgress, now: PipelineProgress, engine: Engine) -> str:
    name = f"run {short_id(before.run_id)} ({before.name})"
    if before.status.is_terminal():
        return f"{name} {_how(before.status)} before"
    if now.status.is_terminal():
        nobody = ": nobody ran it any more" if engine.gone else ""
        return f"{name} {_how(now.status)}{nobody}"
    return f"{name} is asked to stop; {engine.where} runs it"


def _how(status: RunStatus) -> str:
    return f"{'was' if status is RunStatus.CANCELLED else 'has'} {status}"


def delete(session: Session, run_id: str, *, yes: bool, keep_files: bool, as_json: bool, store: str | None) -> int:
    """Forget a run and remove its folder, once that is confirmed; the exit code.

    Raises:
        RunNotFoundError: there is no such run.
        SynapseError: it has not ended.
    """
    record, progress = session.call(session.store.record(run_id)), session.progress(run_id)
    if not progress.status.is_terminal():
        raise SynapseError(
            f"run {run_id} has not ended", hint=f"cancel it first: `{runs_command('cancel', run_id, store, '--wait')}`"
        )
    folder = None if keep_files else folder_of(record)
    if not yes and not _confirmed(record, progress, folder):
        return codes.FAILED
    session.call(session.store.delete(run_id))
    removed = folder is None or _removed(folder)
    if as_json:
        show_json({"id": run_id, "deleted": True, "folder": str(folder) if folder and removed else None})
    else:
        say(f"run {run_id} is deleted" + (f", and {folder} removed" if folder and removed else ""))
    return codes.COMPLETED if removed else codes.FAILED


def folder_of(record: RunRecord) -> Path | None:
    """The run's own folder, if it has one: a folder that bears its id."""
    folder = Path(record.work_dir) if record.work_dir else None
    if folder is None or folder.name != record.id or folder.is_symlink() or not folder.is_dir():
        return None
    return folder


def _confirmed(record: RunRecord, progress: PipelineProgress, folder: Path | None) -> bool:
    if not sys.stdin.isatty():
        raise SynapseError("nobody is there to confirm that", hint="--yes does")
    also = f", and remove {folder}; runs that were resumed from it may use files in there" if folder else ""
    return click.confirm(f"forget run {record.id} ({record.name}, {progress.status}){also}?", err=True)


def _removed(folder: Path) -> bool:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        complain(f"the run is forgotten, but {folder} cannot be removed: {error.strerror}")
        return False
    return True
