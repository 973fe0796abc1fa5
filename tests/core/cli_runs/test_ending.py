"""``synapse runs cancel``, ``delete`` and ``watch``."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse_core.events import Kind
from synapse_core.models import ActionStatus, RunStatus
from tests.core.cli_runs.helpers import FAILING, WORK, Place, load, until, wait


def test_a_run_is_cancelled(place: Place) -> None:
    """Whoever runs it ends it; waited for, nothing of it runs when the command returns."""
    run_id = place.session.submit([load, wait, load])
    until(lambda: place.session.progress(run_id).current_action == "wait")
    done = place.runs("cancel", run_id, "--wait", "--reason", "wrong data")
    assert (done.code, done.err) == (0, f"run {run_id[:12]} (pipeline) was cancelled\n")
    progress = place.session.progress(run_id)
    assert (progress.status, progress.error) == (RunStatus.CANCELLED, "wrong data")
    assert [str(action.status) for action in progress.actions] == ["completed", "failed", "skipped"]


def test_without_waiting_it_is_asked_only(place: Place) -> None:
    """The command tells who runs it; as JSON how it stands."""
    run_id = place.session.submit([wait])
    until(lambda: place.session.progress(run_id).current_action == "wait")
    done = place.runs("cancel", run_id, "--force")
    assert done.code == 0
    assert "is asked to stop; process " in done.err or "was cancelled" in done.err
    (asked,) = place.session.call(place.store.read(run_id, kinds={Kind.RUN_CANCEL_REQUESTED}))
    assert asked.payload == {"reason": "cancelled", "force": True}
    until(lambda: place.session.progress(run_id).status is RunStatus.CANCELLED)


def test_a_run_that_nobody_runs_is_cancelled_at_once(place: Place) -> None:
    """As its engine would have: what was running has failed, what had not started is skipped."""
    run_id = place.orphan([*WORK, load], done={"load": {}})
    done = place.runs("cancel", run_id)
    assert (done.code, done.err) == (0, f"run {run_id[:12]} (flow) was cancelled: nobody ran it any more\n")
    progress = place.session.progress(run_id)
    assert progress.status is RunStatus.CANCELLED
    assert [action.status for action in progress.actions] == [
        ActionStatus.COMPLETED,
        ActionStatus.FAILED,
        ActionStatus.SKIPPED,
    ]
    assert progress.action("learn").error == "cancelled"


def test_what_has_ended_stays_as_it_is(place: Place) -> None:
    """A cancel that comes too late changes nothing, and says so."""
    run_id = place.ran([load])
    before = place.session.progress(run_id)
    done = place.runs("cancel", run_id, "--json")
    assert done.json == {"id": run_id, "status": "completed", "cancel_requested": False}
    assert place.runs("cancel", run_id).err.endswith("has completed before\n")
    assert place.session.progress(run_id) == before


# -- delete -----------------------------------------------------------------------------------------------------


def test_a_run_is_deleted_with_its_folder(place: Place, tmp_path: Path) -> None:
    """Nothing is left of it; of another one everything."""
    kept, gone = place.ran([load]), place.ran([load])
    for run_id in (kept, gone):
        folder = tmp_path / "home" / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.bin").write_text("x")
    done = place.runs("delete", gone, "--yes")
    assert done.code == 0
    assert [run["id"] for run in place.runs("list", "--json").json["runs"]] == [kept]
    assert [path.name for path in (tmp_path / "home" / "runs").iterdir()] == [kept]


def test_its_files_can_be_kept(place: Place, tmp_path: Path) -> None:
    """Only the store forgets it."""
    run_id = place.ran([load])
    folder = tmp_path / "home" / "runs" / run_id
    folder.mkdir(parents=True, exist_ok=True)
    assert place.runs("delete", run_id, "--yes", "--keep-files", "--json").json["folder"] is None
    assert folder.is_dir()
    assert place.runs("show", run_id).code == 2


def test_nothing_is_deleted_unasked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --yes somebody has to say so."""
    run_id = place.ran([load])
    done = place.runs("delete", run_id)
    assert done.code == 2
    assert "hint: --yes does" in done.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: "n")
    assert place.runs("delete", run_id).code == 1
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: "y")
    assert place.runs("delete", run_id).code == 0
    assert place.runs("list", "--json").json["runs"] == []


def test_what_has_not_ended_is_not_deleted(place: Place) -> None:
    """Not even where nobody runs it: cancelled first, it can be."""
    run_id = place.orphan(WORK, done={})
    done = place.runs("delete", run_id, "--yes")
    assert done.code == 2
    assert f"cancel it first: `synapse runs cancel {run_id[:16]} --wait --store shared:`" in done.err
    assert place.runs("cancel", run_id, "--wait").code == 0
    assert place.runs("delete", run_id, "--yes").code == 0


def test_only_the_runs_own_folder_is_removed(place: Place, tmp_path: Path) -> None:
    """A record that names another folder does not lead to its end."""
    run_id = place.ran([load])
    precious = tmp_path / "precious"
    precious.mkdir()
    run = place.store._run(run_id)
    run.record = type(run.record)(run_id, "flow", {}, run.record.plan, run.record.created_at, str(precious))
    assert place.runs("delete", run_id, "--yes").code == 0
    assert precious.is_dir()


# -- watch ------------------------------------------------------------------------------------------------------


def test_watching_a_run_that_has_ended(place: Place) -> None:
    """It is shown as it ended, and the exit code tells how."""
    done = place.runs("watch", place.ran(WORK))
    assert (done.code, done.err) == (0, "")
    assert "learn     ✓ completed" in done.out
    assert place.runs("watch", place.ran(FAILING)).code == 1


def test_watching_a_run_to_its_end(place: Place) -> None:
    """As JSON each line is a state; the last one is the end."""
    run_id = place.session.submit([load, wait])
    with place.cancelled_when_waiting(run_id):
        done = place.runs("watch", run_id, "--json")
    states = done.lines
    assert done.code == 1
    assert [state["seq"] for state in states] == sorted(state["seq"] for state in states)
    assert states[-1]["status"] == "cancelled"
    assert [action["status"] for action in states[-1]["progress"]] == ["completed", "failed"]


def test_watching_a_run_that_nobody_runs_ends(place: Place) -> None:
    """What is known of it is shown, and how to go on with it."""
    run_id = place.orphan(WORK, done={"load": {}})
    done = place.runs("watch", run_id)
    assert done.code == 1
    assert "load   ✓ completed" in done.out
    assert done.err.startswith(f"its engine is gone: `synapse runs recover {run_id[:16]} --store shared:`")
