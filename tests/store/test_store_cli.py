"""``synapse store …``, as a user types it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from synapse_core.events import Kind
from synapse_store import SQLiteStore
from tests.core.cli.helpers import FLOW, SYNAPSE, Here
from tests.store.helpers import ended, filled, on, sql


@pytest.fixture
def here(tmp_path: Path) -> Here:
    """A folder with ``flow.py``, and a store in its home."""
    place = Here(tmp_path)
    place.write("flow.py", FLOW)
    return place


def test_runs_of_the_command_line_are_looked_after(here: Here) -> None:
    """They are in the user's own file, and each command works on it."""
    assert here.synapse("run", "flow.py", "load").code == 0
    path = here.home / "runs.db"
    done = here.synapse("store", "check")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{path}: sound; 1 run, ")
    (run_id,) = [row[0] for row in sql(path, "SELECT id FROM runs")]
    assert here.synapse("store", "export", "last") == here.synapse("store", "export", run_id[:12])
    exported = here.synapse("store", "export", run_id)
    assert exported.lines[0]["id"] == run_id
    assert exported.lines[-1]["type"] == "checkpoint"
    assert here.synapse("store", "prune", "--older-than", "1d").out == "0 runs forgotten\n"
    listed = here.synapse("store", "prune", "--older-than", "0s", "--dry-run").out
    assert run_id in listed
    assert "1 run would be forgotten" in listed
    assert here.synapse("store", "prune", "--older-than", "0s", "--json").json == {"runs": [run_id], "dry_run": False}
    assert "before" in here.synapse("store", "vacuum").out
    assert here.synapse("store", "check", "--json").json == {"runs": 0, "events": 0, "problems": []}


def test_another_store(here: Here) -> None:
    """By --store, or SYNAPSE_STORE; the failed can be kept."""
    path = here.folder / "other.db"

    async def make(store: SQLiteStore) -> list[str]:
        return [await ended(store, kind=kind) for kind in (Kind.RUN_COMPLETED, Kind.RUN_FAILED)]

    _, failed = on(path, make)
    url = "sqlite:///other.db"
    assert "2 runs" in here.synapse("store", "check", "--store", url).out
    pruned = here.synapse("store", "prune", "--older-than", "0s", "--keep-failed", env={"SYNAPSE_STORE": url})
    assert "1 run forgotten" in pruned.out
    assert sql(path, "SELECT id FROM runs") == [(failed,)]
    assert not (here.home / "runs.db").exists()


def test_a_damaged_store_is_an_exit_code(here: Here) -> None:
    """3, and what is wrong, on standard output or as JSON."""
    path = here.home / "runs.db"
    filled(path)
    sql(path, "UPDATE runs SET status = 'failed'")
    done = here.synapse("store", "check")
    assert done.code == 3
    assert "its status is listed as failed" in done.out
    assert ": 1 problem;" in done.out
    assert len(here.synapse("store", "check", "--json").json["problems"]) == 1


def test_a_run_that_is_not_there_is_not_exported(here: Here) -> None:
    """It is said so, and where to look; it does not say that there are none."""
    filled(here.home / "runs.db")
    done = here.synapse("store", "export", "nobody")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: no run 'nobody'\n  hint: `synapse runs list` shows which there are\n"


def test_an_export_to_a_file_and_to_a_pipe(here: Here) -> None:
    """The file is whole; a reader that has read enough ends it without a word."""
    ids = filled(here.home / "runs.db", runs=3, logs=3000)
    done = here.synapse("store", "export", "-o", "runs.jsonl")
    assert done.code == 0
    lines = [json.loads(line) for line in (here.folder / "runs.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines if line["type"] == "run"] == ids
    assert f"3 runs, {len(lines):,} lines" in done.err
    command = f"{SYNAPSE} store export | head -1"
    piped = subprocess.run(
        ["sh", "-c", command], cwd=here.folder, env=here.env, capture_output=True, text=True, check=True
    )
    assert json.loads(piped.stdout)["id"] == ids[0]
    assert piped.stderr == ""


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["check"], 3, "there is no store at"),
        (["export", "nobody"], 3, "there is no store at"),
        (["check", "--store", "memory:"], 3, "SQLite stores only"),
        (["prune"], 2, "--older-than"),
        (["prune", "--older-than", "soon"], 2, "'soon' is no age"),
        (["check", "--store", "sqlite:///flow.py"], 3, "no SQLite database"),
        (["sweep"], 2, "No such command"),
    ],
)
def test_what_cannot_be_done(here: Here, args: list[str], code: int, said: str) -> None:
    """It is said, and what to do; no file is made."""
    done = here.synapse("store", *args)
    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err
    assert not (here.home / "runs.db").exists()


def test_the_service_says_which_file_it_serves(here: Here) -> None:
    """As a URL that --store takes, where none was given."""
    command = [SYNAPSE, "serve", "--port", "0", "--no-log"]
    process = subprocess.Popen(command, cwd=here.folder, env=here.env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert line.startswith(f"serving sqlite:///{here.home / 'runs.db'} on http://127.0.0.1:")


def test_help(here: Here) -> None:
    """With examples; each command says what it does."""
    text = here.synapse("store", "--help").out
    for command in ("check", "vacuum", "export", "prune"):
        assert f"\n  {command} " in text
        assert "..." not in text.partition("Commands:")[2].partition("Examples:")[0]
        assert here.synapse("store", command, "--help").code == 0
    assert "synapse store prune --older-than 30d --keep-failed" in text
    assert "store " in here.synapse("--help").out
