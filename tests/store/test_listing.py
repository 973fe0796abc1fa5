"""Lists of runs: whatever is asked for, an index answers it, page by page."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.models import RunStatus
from synapse_core.testing.store.samples import START
from synapse_store import SQLiteStore
from synapse_store.sqlite import listing
from synapse_store.sqlite.listing import _query
from synapse_store.sqlite.values import micros, moment
from tests.store.helpers import counted, on

_RUNS = 400
_LONG_AGO, _FAR_OFF = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001  the zones are hypothesis's to choose
_FILTERS: dict[str, tuple[Any, ...]] = {
    "status": (None, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.PENDING),
    "name": (None, "a", "b", "none of that"),
    "pipeline": (None, "p0", "p2"),
    "since": (None, START, START + timedelta(minutes=390), START + timedelta(days=2)),
}


def many(path: Path) -> list[dict[str, Any]]:
    """A store of many runs, of which but what lists need is there; what they are, the newest first."""
    on(path, SQLiteStore.list_runs)
    rows: list[dict[str, Any]] = [
        {
            "id": f"{number:06d}",
            "name": "ab"[number % 2],
            "status": ("completed", "completed", "failed", "running", "cancelled")[number % 5],
            "pipeline": None if number % 4 == 3 else f"p{number % 4}",
            "created": START + timedelta(minutes=number),
        }
        for number in range(_RUNS)
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO runs (id, name, status, pipeline_id, created_at) VALUES (?, ?, ?, ?, ?)",
            [(row["id"], row["name"], row["status"], row["pipeline"], micros(row["created"])) for row in rows],
        )
    return rows[::-1]


def wanted(rows: list[dict[str, Any]], status: Any, name: Any, pipeline: Any, since: datetime | None) -> list[str]:
    """The ids that a filter should give."""
    return [
        row["id"]
        for row in rows
        if (status is None or row["status"] == status)
        and (name is None or row["name"] == name)
        and (pipeline is None or row["pipeline"] == pipeline)
        and (since is None or row["created"] >= since)
    ]


def test_filters_can_be_combined_and_paged(tmp_path, monkeypatch) -> None:
    """Every combination gives what it should, whole and in pages, whether few or many runs are new enough."""
    rows = many(tmp_path / "runs.db")

    async def body(store: SQLiteStore) -> None:
        for values in product(*_FILTERS.values()):
            filters = dict(zip(_FILTERS, values, strict=True))
            ids = wanted(rows, *values)
            found: list[str] = []
            while page := await store.list_runs(limit=60, before=found[-1] if found else None, **filters):
                found += [run.id for run in page]
            assert found == ids, filters

    for few in (1_000, 50):
        monkeypatch.setattr(listing, "_FEW", few)
        on(tmp_path / "runs.db", body)


def test_every_list_is_answered_by_an_index(tmp_path) -> None:
    """None reads all runs, and none sorts, but the few that are new enough."""
    path = tmp_path / "runs.db"
    many(path)
    conditions = ("status = ?", "name = ?", "pipeline_id = ?", "id < ?")
    with closing(sqlite3.connect(path)) as connection:
        for chosen in product((False, True), repeat=len(conditions)):
            terms = [term for term, is_chosen in zip(conditions, chosen, strict=True) if is_chosen]
            for few in (False, True):
                since = ["created_at >= ?"] if few else []
                query = _query([*terms, *since], few)
                plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", ["1"] * (len(terms) + few + 1)).fetchall()
                text = " ".join(row[3] for row in plan)
                assert "INDEX" in text, query
                assert ("TEMP B-TREE" in text) is few, (query, text)


def test_what_is_recent_is_found_by_its_time(tmp_path) -> None:
    """Only the few runs that are new enough are looked at, though their names and states are of many."""
    many(tmp_path / "runs.db")

    async def body(store: SQLiteStore) -> None:
        await store.list_runs(limit=1)
        readers = counted(store)
        found = await store.list_runs(since=START + timedelta(minutes=_RUNS - 3), name="b")
        assert [run.id for run in found] == ["000399", "000397"]
        assert "INDEXED BY runs_by_time" in readers.queries[-1]

    on(tmp_path / "runs.db", body)


@settings(max_examples=300)
@given(st.datetimes(min_value=_LONG_AGO, max_value=_FAR_OFF, timezones=st.timezones()))
def test_times_are_kept_to_the_microsecond(time: datetime) -> None:
    """Whatever zone they were given in."""
    assert moment(micros(time)) == time.astimezone(UTC)
    assert micros(moment(micros(time))) == micros(time)


def test_a_time_without_a_zone_is_taken_for_utc() -> None:
    """As everything is UTC."""
    assert micros(START.replace(tzinfo=None)) == micros(START)
