"""synapse-jsonl: what is in the file is the run, line by line."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import synapse_jsonl
from synapse_core.events import Draft, Event, Kind, stamp
from synapse_core.fold import fold
from synapse_core.models import RunStatus
from synapse_core.plugins import PluginManager
from synapse_core.protocols import RunInfo, Sink

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 11, 21, tzinfo=UTC)


def run_of(run_id: str) -> list[Event]:
    nodes = [{"name": "train", "needs": []}]
    metrics = {"loss": 0.5, "note": "größer → kleiner\n\u2028 \ud800"}
    drafts = [
        Draft(Kind.RUN_CREATED, AT, payload={"name": "demo", "nodes": nodes, "params": {}}),
        Draft(Kind.RUN_STARTED, AT),
        Draft(Kind.ACTION_STARTED, AT, "train", 1),
        Draft(Kind.ACTION_PROGRESS, AT, "train", 1, {"current": 3, "total": 4, "category": None}),
        Draft(Kind.ACTION_METRICS, AT, "train", 1, {"metrics": metrics, "category": None}),
        Draft(Kind.ACTION_COMPLETED, AT, "train", 1, {"result": {"ok": True}}),
        Draft(Kind.RUN_COMPLETED, AT, payload={"result": {"ok": True}}),
    ]
    return stamp(run_id, 0, drafts)


def read(path: Path) -> list[Event]:
    return [Event.from_dict(json.loads(line)) for line in path.read_text("ascii").split("\n")[:-1]]


def sinks_for(run_id: str) -> list[Sink]:
    """As a session gets them: through the entry point of the installed distribution."""
    pm = PluginManager(builtins=())
    return [sink for name, sink in pm.sinks(RunInfo(run_id, "demo", ("train",))) if name == "jsonl"]


def test_it_is_found_like_a_strangers():
    """By its entry point, with its distribution and version."""
    (row,) = [row for row in PluginManager(builtins=()).rows() if row.name == "jsonl"]
    assert (row.status, row.error, row.hooks) == ("active", None, ("synapse_sinks",))
    assert (row.distribution, row.version) == ("synapse-jsonl", synapse_jsonl.__version__)


def test_nothing_is_written_unless_it_is_said_where():
    """Having it installed is no wish for files."""
    assert sinks_for("r-1") == []


def test_the_file_folds_to_the_state_of_the_run(tmp_path, monkeypatch):
    """A folder, made as needed: one file a run, complete, in order."""
    monkeypatch.setenv("SYNAPSE_JSONL", f"{tmp_path}/events/")
    events = run_of("r-1")
    (sink,) = sinks_for("r-1")
    sink.write(events[:3])
    sink.write(events[3:])
    sink.close()

    found = read(tmp_path / "events/r-1.jsonl")
    assert found == events
    assert fold(found) == fold(events)
    assert fold(found).status is RunStatus.COMPLETED


def test_a_folder_that_exists_needs_no_slash(tmp_path, monkeypatch):
    """It cannot be meant as a file."""
    monkeypatch.setenv("SYNAPSE_JSONL", str(tmp_path))
    (sink,) = sinks_for("r-2")
    sink.close()
    assert (tmp_path / "r-2.jsonl").is_file()


def test_every_batch_is_there_at_once(tmp_path):
    """Who follows the file sees the run, and what was written survives the program."""
    sink = synapse_jsonl.JsonLines(tmp_path / "events.jsonl")
    for event in run_of("r-1"):
        sink.write([event])
        assert read(tmp_path / "events.jsonl")[-1] == event
    sink.close()


def test_runs_that_share_a_file_do_not_tear_each_others_lines(tmp_path, monkeypatch):
    """Not with lines longer than any buffer, from several threads, each with a file of its own open."""
    file = tmp_path / "all.jsonl"
    monkeypatch.setenv("SYNAPSE_JSONL", str(file))
    runs = {f"r-{number}": run_of(f"r-{number}") for number in range(4)}
    long = Draft(Kind.ACTION_LOG, AT, "train", 1, {"message": "x" * 20_000})

    def write(run_id):
        (sink,) = sinks_for(run_id)
        for event in runs[run_id]:
            sink.write([event, *stamp(run_id, 100 + event.seq, [long])])
        sink.close()

    threads = [threading.Thread(target=write, args=(run_id,)) for run_id in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = read(file)
    for run_id, events in runs.items():
        assert [event for event in found if event.run_id == run_id and event.seq < 100] == events


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@given(payload=st.dictionaries(st.text(st.characters()), json_data), action=st.none() | st.text(min_size=1))
def test_any_event_is_one_line_and_comes_back_as_it_was(payload, action, tmp_path_factory):
    """Line separators, surrogates and control characters in it too."""
    file = tmp_path_factory.mktemp("any") / "events.jsonl"
    event = Event("r-1", 1, AT, Kind.ACTION_LOG, action, 1, payload)
    sink = synapse_jsonl.JsonLines(file)
    sink.write([event])
    sink.close()
    assert file.read_bytes().count(b"\n") == 1
    assert read(file) == [event]


def test_a_file_that_cannot_be_written_is_told_with_the_plugins_name(tmp_path, monkeypatch):
    """The run goes on without it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNAPSE_JSONL", str(tmp_path / "file" / "below.jsonl"))
    pm = PluginManager(builtins=(), on_problem=lambda _: None)
    assert pm.sinks(RunInfo("r-1", "demo", ())) == []
    (problem,) = pm.problems
    assert str(problem).startswith("hook 'synapse_sinks' of plugin 'jsonl' (synapse-jsonl 0.1.0) failed: ")


RUN_IT = """
import os
from synapse_core import BaseAction, Session

class Train(BaseAction[dict]):
    def execute(self):
        self.set_progress(1, 2)
        return {"ok": True}

with Session(work_base=os.path.abspath("runs")) as session:
    (row,) = [row for row in session.pm.rows() if row.name == "jsonl"]
    print(row.status, row.distribution, row.version)
    run_id = session.submit([Train])
    progress = session.wait(run_id)
    print(run_id, progress.status)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_works_in_a_fresh_environment(tmp_path):
    """Installed by plain pip with the core alone, it writes a real run's events, and they fold to how the run ended."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv/bin/python"
    members = [str(ROOT / "src/synapse_core"), str(ROOT / "contrib/synapse-jsonl")]
    constraints = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *constraints, *members], check=True, cwd=tmp_path)

    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "SYNAPSE_JSONL": "events/"}
    (tmp_path / "program.py").write_text(RUN_IT)
    done = subprocess.run(
        [str(python), "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    plugin, run = done.stdout.splitlines()
    assert plugin == "active synapse-jsonl 0.1.0"
    run_id, status = run.split()
    events = read(tmp_path / "events" / f"{run_id}.jsonl")
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (status, fold(events).status) == ("completed", RunStatus.COMPLETED)
