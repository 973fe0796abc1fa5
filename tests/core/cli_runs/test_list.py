"""``synapse runs list``, and how a run is named."""

from __future__ import annotations

from synapse_core.cli.unfinished import unfinished
from tests.core.cli_runs.helpers import FAILING, WORK, Place, load


def test_runs_are_listed_the_newest_first(place: Place) -> None:
    """A line a run: the beginning of its id, its name and state, how much is done, and what went wrong."""
    first, second = place.ran(WORK, name="nightly"), place.ran(FAILING, name="daily")
    done = place.runs("list")
    assert (done.code, done.err) == (0, "")
    head, *rows = [line.split() for line in done.out.splitlines()]
    assert head == ["RUN", "NAME", "STATUS", "DONE", "STARTED", "TIME", "ERROR"]
    assert second.startswith(rows[0][0])
    assert first.startswith(rows[1][0])
    assert rows[0][1:5] == ["daily", "✗", "failed", "33%"]
    assert rows[1][1:5] == ["nightly", "✓", "completed", "100%"]
    assert "action 'fail' failed: ValueError: attempt 2 went wrong" in done.out


def test_filters(place: Place) -> None:
    """By state, by name and by age."""
    completed, failed = place.ran(WORK, name="nightly"), place.ran(FAILING, name="daily")

    def ids(*words: str) -> list[str]:
        return [run["id"] for run in place.runs("list", "--json", *words).json["runs"]]

    assert ids() == [failed, completed]
    assert ids("--status", "failed") == [failed]
    assert ids("--pipeline", "nightly") == [completed]
    assert ids("--since", "1h") == [failed, completed]
    assert ids("--since", "2999-01-01") == []
    done = place.runs("list", "--since", "yesterday")
    assert (done.code, done.out) == (2, "")
    assert "is no time; write 30m, 2h" in done.err


def test_pages(place: Place) -> None:
    """A page says where the next one begins; all pages together are all runs, each once."""
    runs = [place.ran([load]) for _ in range(5)]
    page = place.runs("list", "--json", "--limit", "2").json
    found = [run["id"] for run in page["runs"]]
    while page["next"] is not None:
        page = place.runs("list", "--json", "--limit", "2", "--before", page["next"]).json
        found += [run["id"] for run in page["runs"]]
    assert found == runs[::-1]
    assert f"--before {runs[3]}" in place.runs("list", "--limit", "2").err
    assert place.runs("list", "--limit", "5").err == ""


def test_json_names_what_the_service_names(place: Place) -> None:
    """A run is an object with the fields of the service's API."""
    run_id = place.ran(WORK)
    (run,) = place.runs("list", "--json").json["runs"]
    assert (run["id"], run["status"], run["overall_progress"], run["error"]) == (run_id, "completed", 1.0, None)
    assert {"pipeline_id", "name", "created_at", "started_at", "completed_at", "engine"} <= set(run)
    assert run["engine"] == {"owner": None, "expires_at": None, "gone": False}


def test_a_run_whose_engine_is_gone_stands_out(place: Place) -> None:
    """It is running as far as the store knows; the list says that nobody runs it, and what to type."""
    run_id = place.orphan(WORK, done={"load": {}})
    done = place.runs("list")
    assert "● running?" in done.out
    assert f"its engine is gone: synapse runs recover {run_id[:16]} --store shared:" in done.out
    assert place.runs("list", "--json").json["runs"][0]["engine"]["gone"] is True


def test_a_run_that_is_reported_misses_no_engine(place: Place) -> None:
    """It has none: it is running, others are not told of it, and it is not taken up with all that can be."""
    run_id = place.reported(WORK)
    listed, shown, left = place.runs("list"), place.runs("show", run_id), place.runs("recover")
    assert "● running " in listed.out
    assert "gone" not in listed.out + shown.out
    assert "recover" not in shown.out
    assert "no: a client of the service reports on it" in left.out
    assert place.session.call(unfinished(place.store)) == []
    assert place.runs("recover", "--all").code == 0
    assert place.session.progress(run_id).action("load").attempt == 1


def test_nothing_to_list(place: Place) -> None:
    """No table without rows."""
    assert place.runs("list") == (0, "", "no runs yet\n")
    assert place.runs("list", "--status", "failed") == (0, "", "no such runs\n")
    assert place.runs("list", "--json").json == {"runs": [], "next": None}


def test_a_store_that_keeps_nothing_is_warned_of(place: Place) -> None:
    """Looking for runs in memory finds none, and why is said."""
    done = place.synapse("runs", "list", "--store", "memory:")
    assert done.code == 0
    assert "the store memory: keeps nothing for later" in done.err


def test_a_run_is_named_by_the_beginning_of_its_id(place: Place) -> None:
    """As far as that is unique; what is not is told with the runs that it could be."""
    runs = [place.ran([load]) for _ in range(3)]
    assert place.runs("show", runs[1], "--json").json["id"] == runs[1]
    assert place.runs("show", runs[1][:20], "--json").json["id"] == runs[1]
    assert place.runs("show", "last", "--json").json["id"] == runs[2]
    done = place.runs("show", runs[0][:4])
    assert (done.code, done.out) == (2, "")
    assert all(run_id in done.err for run_id in runs)
    assert "hint: give more of the id" in done.err


def test_no_such_run(place: Place) -> None:
    """Exit code 2, and where to look."""
    done = place.runs("show", "last")
    assert (done.code, done.err) == (2, "error: there are no runs yet\n")
    place.ran([load])
    done = place.runs("delete", "", "--yes")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: '' names no run")
    done = place.runs("logs", "ff")
    assert done.code == 2
    assert "no run 'ff'" in done.err
    assert "`synapse runs list --store shared:` shows which there are" in done.err
