"""``synapse store check|vacuum|export|prune``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from synapse_core.cli.codes import COMPLETED, STORE
from synapse_core.cli.helping import epilog
from synapse_core.cli.state import State, debug_option, store_option
from synapse_core.errors import StoreError

if TYPE_CHECKING:
    from synapse_core.session import Session
    from synapse_store.sqlite import SQLiteStore

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

_EPILOG = epilog("""
Examples:
  synapse store check
  synapse store prune --older-than 30d --keep-failed
  synapse store vacuum
  synapse store export > runs.jsonl
""")


@click.group(epilog=_EPILOG)
def store() -> None:
    """Look after the SQLite file that runs are kept in: that of --store, of SYNAPSE_STORE, or yours."""


def _kept(command: F) -> F:
    """For commands on a store: ``--store`` and ``--debug``; they get the `State` first."""
    passed: Any = click.pass_obj(command)
    made: F = store_option(debug_option(passed))
    return made


@contextmanager
def _opened(state: State, url: str | None) -> Iterator[tuple[Session, SQLiteStore]]:
    """A session, and its store, which has to be SQLite's."""
    from synapse_store.sqlite import SQLiteStore

    with state.session(url) as session:
        if not isinstance(session.store, SQLiteStore):
            raise StoreError("this is for SQLite stores only", hint="give --store sqlite:///runs.db")
        yield session, session.store


def _age(_ctx: click.Context, _param: click.Parameter, text: str) -> timedelta:
    """``30d``, ``12h``."""
    number, unit = text.strip()[:-1], text.strip()[-1:]
    try:
        return timedelta(seconds=float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise click.BadParameter(f"{text!r} is no age; write 30d, 12h or 90m") from None


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@store.command()
@_json
@_kept
def check(state: State, store: str | None, as_json: bool) -> int:
    """Read everything, and say what is not as it should be.

    Pages and indices, large values, and whether what lists show of each run is what its events say. The exit code is
    3 where something is wrong.
    """
    with _opened(state, store) as (session, kept):
        report = session.call(kept.check())
        if as_json:
            _print_json({"runs": report.runs, "events": report.events, "problems": list(report.problems)})
        else:
            for problem in report.problems:
                click.echo(problem)
            found = _count(len(report.problems), "problem") if report.problems else "sound"
            seen = f"{_count(report.runs, 'run')}, {_count(report.events, 'event')}"
            click.echo(f"{kept.location}: {found}; {seen}")
    return STORE if report.problems else COMPLETED


@store.command()
@_kept
def vacuum(state: State, store: str | None) -> int:
    """Give the room that deleted runs took back to the disk.

    Who writes meanwhile waits. It needs free room for a copy of the file.
    """
    with _opened(state, store) as (session, kept):
        report = session.call(kept.vacuum())
        files = f"; {_count(report.files, 'stray file')} removed" if report.files else ""
        click.echo(f"{kept.location}: {_size(report.before)} before, {_size(report.after)} now{files}")
    return COMPLETED


@store.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to; standard output without it.")
@_kept
def export(state: State, store: str | None, runs: Sequence[str], output: str) -> int:
    """Write runs as JSON Lines: each one's record, then its events, then its checkpoints; all runs without RUN.

    Of a damaged file what can be read is written, and the rest is told.
    """
    with _opened(state, store) as (session, kept):
        here = output == "-"
        report = session.call(kept.export(sys.stdout if here else output, list(runs) or None))
    if not here:
        click.echo(f"{output}: {_count(report.runs, 'run')}, {_count(report.lines, 'line')}", err=True)
    for problem in report.problems:
        click.echo(problem, err=True)
    return STORE if report.problems else COMPLETED


@store.command()
@click.option("--older-than", "age", callback=_age, required=True, metavar="AGE", help="That ended so long ago: 30d.")
@click.option("--keep-failed", is_flag=True, help="Keep runs that failed.")
@click.option("--dry-run", is_flag=True, help="Only list them.")
@_json
@_kept
def prune(state: State, store: str | None, *, age: timedelta, keep_failed: bool, dry_run: bool, as_json: bool) -> int:
    """Forget runs that ended long ago.

    Runs that have not ended are kept: they can be recovered. Their folders are removed by `synapse clean`, and the file
    gets smaller by `synapse store vacuum`.
    """
    with _opened(state, store) as (session, kept):
        found = session.call(kept.prune(age, keep_failed=keep_failed, dry_run=dry_run))
    if as_json:
        _print_json({"runs": [run.id for run in found], "dry_run": dry_run})
        return COMPLETED
    for run in found:
        click.echo(f"{run.id}  {run.status:<9}  {run.completed_at:%Y-%m-%d %H:%M}  {run.name}")
    click.echo(f"{_count(len(found), 'run')} {'would be ' if dry_run else ''}forgotten")
    return COMPLETED


def _print_json(data: object) -> None:
    import json

    click.echo(json.dumps(data, indent=2))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
