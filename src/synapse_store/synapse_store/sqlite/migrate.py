"""Bringing a file to the schema of this version: once, under the write lock, with a backup beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from synapse_core.errors import StoreError
from synapse_store.sqlite.files import replacing
from synapse_store.sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION, Migration


class _Header(NamedTuple):
    application: int
    version: int
    tables: int


def is_ready(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file has this version's schema; nothing is changed.

    Raises:
        StoreError: the file is another application's, or of a newer version.
    """
    header = _header(connection)
    if header.application != APPLICATION_ID:
        if header.tables or header.application or header.version:
            raise StoreError(
                f"{path} is another application's database", hint="choose another file; this one was left as it is"
            )
        return False
    if header.version > VERSION:
        raise StoreError(
            f"{path} was written by a newer synapse-store: its schema is version {header.version}, "
            f"this one knows versions up to {VERSION}",
            hint="upgrade synapse-store, or choose another file",
        )
    return header.version == VERSION


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Run the migrations that the file has not had; who comes second finds that there is nothing left to do."""
    connection.execute("BEGIN EXCLUSIVE")
    try:
        if not is_ready(connection, path):
            version = _header(connection).version
            if version:
                _back_up(path, version)
            _run(connection, path, [step for step in migrations if step.version > version])
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def backup_path(path: Path, version: int) -> Path:
    """Where the file is copied to before it is taken on from ``version``."""
    return path.with_name(f"{path.name}.v{version}.backup")


def _run(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for step in steps:
        try:
            for statement in step.statements:
                connection.execute(statement)
        except sqlite3.IntegrityError as error:
            raise StoreError(
                f"{path} cannot be migrated to version {step.version} ({step.what}): {error}",
                hint="it was left as it is; run the version of synapse-store that wrote it, and report this",
            ) from error
        connection.execute(f"PRAGMA user_version = {step.version}")


def _back_up(path: Path, version: int) -> None:
    """Copy the file as it is; the write lock is held, so that nothing comes between copy and migration."""
    with (
        replacing(backup_path(path, version)) as part,
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        source.backup(target)


def _header(connection: sqlite3.Connection) -> _Header:
    """What the file says of itself at one instant: another process may be bringing it to the schema."""
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    try:
        return _Header(
            connection.execute("PRAGMA application_id").fetchone()[0],
            connection.execute("PRAGMA user_version").fetchone()[0],
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0],
        )
    finally:
        if alone:
            connection.execute("ROLLBACK")
