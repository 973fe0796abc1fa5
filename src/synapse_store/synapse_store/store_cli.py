"""``synapse store check|vacuum|export|prune``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from synapse_core.cli.amounts import age_value, size_text
from synapse_core.cli.codes import COMPLETED, STORE
from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, json_option, kept
from synapse_core.errors import RunNotFoundError, StoreError

if TYPE_CHECKING:
    from datetime import timedelta

    from synapse_core.protocols import RunSummary
    from synapse_core.session import Session
    from synapse_store.sqlite import SQLiteStore

_EPILOG = epilog("""
Examples:
  synapse store check
  synapse store prune --older-than 30d --keep-failed
  synapse store vacuum
  synapse store export > runs.jsonl
""")


@click.group(epilog=_EPILOG, short_help="Look after the SQLite file that runs are kept in.")
def store() -> None:
    """Look after the SQLite file that runs are kept in: that of --store, of SYNAPSE_STORE, or yours."""


@contextmanager
def _opened(state: State, url: str | None) -> Iterator[tuple[Session, SQLiteStore]]:
    """A session, and its store, which has to be SQLite's."""
    from synapse_store.sqlite import SQLiteStore

    with state.session(url) as session:
        if not isinstance(session.store, SQLiteStore):
            raise StoreError("this is for SQLite stores only", hint="give --store sqlite:///runs.db")
        yield session, session.store


@store.command()
@json_option
@kept
def check(state: State, store: str | None, as_json: bool) -> int:
    """Read everything, and say what is not as it should be.

    Pages and indices, large values, and whether what lists show of each run is what its events say. The exit code is
    3 where something is wrong.
    """
    with _opened(state, store) as (session, file):
        report = session.call(file.check())
        if as_json:
            from synapse_core.cli.tables import show_json

            show_json({"runs": report.runs, "events": report.events, "problems": list(report.problems)})
        else:
            for problem in report.problems:
                click.echo(problem)
            found = _count(len(report.problems), "problem") if report.problems else "sound"
            seen = f"{_count(report.runs, 'run')}, {_count(report.events, 'event')}"
            click.echo(f"{file.location}: {found}; {seen}")
    return STORE if report.problems else COMPLETED


@store.command()
@kept
def vacuum(state: State, store: str | None) -> int:
    """Give the room that deleted runs took back to the disk.

    Who writes meanwhile waits. It needs free room for a copy of the file.
    """
    with _opened(state, store) as (session, file):
        report = session.call(file.vacuum())
        files = f"; {_count(report.files, 'stray file')} removed" if report.files else ""
        click.echo(f"{file.location}: {size_text(report.before)} before, {size_text(report.after)} now{files}")
    return COMPLETED


@store.command(short_help="Write runs as JSON Lines.")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to; standard output without it.")
@kept
def export(state: State, store: str | None, runs: Sequence[str], output: str) -> int:
    """Write runs as JSON Lines: each one's record, then its events, then its checkpoints; all runs without RUN.

    RUN is a run's id, its beginning as far as it is unique, or `last`. Of a damaged file what can be read is written,
    and the rest is told.
    """
    with _opened(state, store) as (session, file):
        here = output == "-"
        there = file.location.path.exists()  # looking for a run would make it
        wanted = [_run_id(session, word) for word in runs] if there else list(runs)
        report = session.call(file.export(sys.stdout if here else output, wanted or None))
    if not here:
        click.echo(f"{output}: {_count(report.runs, 'run')}, {_count(report.lines, 'line')}", err=True)
    for problem in report.problems:
        click.echo(problem, err=True)
    return STORE if report.problems else COMPLETED


def _run_id(session: Session, word: str) -> str:
    """The run that is meant; the word itself, where there is none or the file is too damaged to look."""
    from synapse_core.cli.runs.finding import find_run

    try:
        return find_run(session, word)
    except (RunNotFoundError, StoreError):  # the export says it, and where it looked
        return word


@store.command()
@click.option(
    "--older-than", "age", callback=age_value, required=True, metavar="AGE", help="That ended so long ago: 30d."
)
@click.option("--keep-failed", is_flag=True, help="Keep runs that failed.")
@click.option("--dry-run", is_flag=True, help="Only list them.")
@json_option
@kept
def prune(state: State, store: str | None, *, age: timedelta, keep_failed: bool, dry_run: bool, as_json: bool) -> int:
    """Forget runs that ended long ago.

    Runs that have not ended are kept: they can be recovered. Their folders are removed by `synapse clean`, and the file
    gets smaller by `synapse store vacuum`.
    """
    with _opened(state, store) as (session, file):
        found = session.call(file.prune(age, keep_failed=keep_failed, dry_run=dry_run))
    _show_pruned(found, dry_run=dry_run, as_json=as_json)
    return COMPLETED


def _show_pruned(runs: Sequence[RunSummary], *, dry_run: bool, as_json: bool) -> None:
    from synapse_core.cli.tables import columns, show_json

    if as_json:
        show_json({"runs": [run.id for run in runs], "dry_run": dry_run})
        return
    if runs:
        click.echo(columns([(run.id, run.status, f"{run.completed_at:%Y-%m-%d %H:%M}", run.name) for run in runs]))
    click.echo(f"{_count(len(runs), 'run')} {'would be ' if dry_run else ''}forgotten")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
