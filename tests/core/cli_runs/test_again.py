"""``synapse runs resume``, ``rerun`` and ``recover``; what ``synapse run`` tells of unfinished runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synapse_core.cli.unfinished import and_more, how_many, unfinished
from synapse_core.models import ActionStatus, RunStatus
from synapse_core.testing import wait_until
from tests.core.cli_runs.helpers import FAILING, WORK, Place, fail, load, wait


def statuses(place: Place, run_id: str) -> dict[str, str]:
    return {entry.name: str(entry.status) for entry in place.session.progress(run_id).actions}


def newest(place: Place) -> str:
    return str(place.runs("list", "--json", "--limit", "1").json["runs"][0]["id"])


def test_a_plan_says_of_each_action_what_and_why(place: Place) -> None:
    """It runs nothing."""
    run_id = place.ran(FAILING)
    done = place.runs("resume", run_id, "--plan")
    assert (done.code, done.err) == (0, "")
    assert [line.split(maxsplit=2) for line in done.out.splitlines()] == [
        ["ACTION", "DOES", "WHY"],
        ["load", "reuse", "it was completed, and nothing that it depends on has changed"],
        ["fail", "run", "it was not completed"],
        ["learn", "run", "it was not completed"],
    ]
    assert newest(place) == run_id


def test_the_plan_of_a_run_that_goes_on_says_so(place: Place) -> None:
    """What is told of it may have changed by the time that it can be taken up."""
    alive = place.session.submit([load, wait])
    wait_until(lambda: place.session.progress(alive).action("load").status is ActionStatus.COMPLETED)
    done = place.runs("resume", alive, "--plan")
    assert done.code == 0
    assert f"warning: run {alive} is run by process" in done.err


def test_what_was_interrupted_goes_on_from_what_it_saved(place: Place) -> None:
    """The plan says so; the new run does so, and the old one is ended."""
    run_id = place.orphan(WORK, done={"load": {"rows": 3}})
    plan = {a["name"]: a for a in place.runs("resume", run_id, "--plan", "--json").json["actions"]}
    assert plan["load"]["decision"] == "reuse"
    assert (plan["learn"]["decision"], plan["learn"]["goes_on"]) == ("run", True)
    done = place.runs("resume", run_id, "-q")
    assert (done.code, done.json) == (0, {"first": 4, "rate": 1})
    assert f"takes up {run_id}: reuses load; goes on with learn" in done.err
    assert statuses(place, newest(place)) == {"load": "skipped", "learn": "completed"}
    ended = place.session.progress(run_id)
    assert (ended.status, ended.action("learn").status) == (RunStatus.FAILED, ActionStatus.FAILED)


def test_params_go_over_those_of_the_run(place: Place) -> None:
    """For what still has to run; one that a completed action has consumed is refused, with what was and what is."""
    run_id = place.ran(FAILING, {"source": "here"})
    refused = place.runs("resume", run_id, "-p", "fail=false")
    assert refused.code == 2
    assert "load: param 'fail' was not given, and is False" in refused.err
    assert "hint: undo the change, or force the resume" in refused.err
    plan = place.runs("resume", run_id, "-p", "fail=false", "--plan")
    assert plan.code == 2
    assert "load    changed" in plan.out
    assert "it would be refused" in plan.err
    assert newest(place) == run_id
    done = place.runs("resume", run_id, "-p", "fail=false", "--force", "-q")
    assert (done.code, done.json) == (0, {"first": 1, "rate": 1})
    assert statuses(place, newest(place)) == dict.fromkeys(("load", "fail", "learn"), "completed")


def test_a_forced_plan_says_what_is_run_again(place: Place) -> None:
    """--plan --force: nothing is refused, what has changed is run."""
    run_id = place.ran(FAILING)
    plan = place.runs("resume", run_id, "-p", "fail=false", "--plan", "--force", "--json")
    assert (plan.code, plan.json["refused"]) == (0, False)
    assert {action["decision"] for action in plan.json["actions"]} == {"run"}


def test_nothing_to_resume_from(place: Place) -> None:
    """An error, no fresh start in silence; unless that is wanted."""
    run_id = place.ran([fail])
    done = place.runs("resume", run_id)
    assert done.code == 2
    assert "has completed no action: there is nothing to resume from" in done.err
    done = place.runs("resume", run_id, "--missing-ok", "-p", "fail=false", "-q")
    assert (done.code, done.json) == (0, {"failed": False})
    assert "starts afresh" in done.err
    assert place.runs("resume", "ff", "--missing-ok").code == 2


def test_wrong_params_are_told_before_anything_runs(place: Place, tmp_path: Path) -> None:
    """As by synapse run: all at once, with their names."""
    flow = tmp_path / "flow.py"
    flow.write_text(
        "import attrs\nfrom synapse_core import ActionPipeline, action\n"
        "@attrs.frozen\nclass P:\n    n: int = 1\n    bad: bool = True\n"
        "@action\ndef first(params: dict): return {'x': 1}\n"
        "@action\ndef second(params: P):\n    assert not params.bad\n    return {'n': params.n}\n"
        "pipeline = ActionPipeline([first, second])\n"
    )
    assert place.synapse("run", f"{flow}:pipeline", "-q", "--store", "shared:").code == 1
    run_id = newest(place)
    done = place.runs("resume", run_id, "-p", "n=many")
    assert done.code == 2
    assert "n: expected int" in done.err
    assert newest(place) == run_id


def test_the_pipeline_is_found_where_the_run_found_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another folder too; one that has moved can be named."""
    flow = tmp_path / "there" / "moving.py"
    flow.parent.mkdir()
    flow.write_text(
        "from synapse_core import action\n@action\ndef only(params: dict):\n"
        "    if 'ok' not in params: raise ValueError('no')\n    return {'ok': params['ok']}\n"
    )
    monkeypatch.chdir(flow.parent)
    assert place.synapse("run", "moving.py", "only", "-q", "--store", "shared:").code == 1
    run_id = newest(place)
    assert place.runs("show", run_id, "--json").json["target"] == f"{flow} only"
    monkeypatch.chdir("/")
    assert place.runs("resume", run_id, "--missing-ok", "-p", "ok=1", "-q").json == {"ok": 1}
    moved = flow.rename(tmp_path / "moved.py")
    lost = place.runs("resume", run_id, "--missing-ok", "-p", "ok=1")
    assert lost.code == 2
    assert "if the pipeline has moved, say where it is by --target" in lost.err
    done = place.runs("resume", run_id, "--missing-ok", "-p", "ok=1", "-q", "--target", f"{moved} only")
    assert done.json == {"ok": 1}
    assert place.runs("show", "last", "--json").json["target"] == f"{moved} only"


def test_a_rerun_runs_an_action_and_what_follows_it(place: Place) -> None:
    """What came before is reused; new params reach what is run."""
    run_id = place.ran(WORK)
    done = place.runs("rerun", run_id, "--from", "learn", "-q")
    assert (done.code, done.json) == (0, {"first": 1, "rate": 1})
    assert statuses(place, newest(place)) == {"load": "skipped", "learn": "completed"}
    wrong = place.runs("rerun", run_id, "--from", "lern")
    assert wrong.code == 2
    assert "did you mean 'learn'?" in wrong.err


def test_a_run_is_recovered(place: Place) -> None:
    """The same run goes on: what it has completed stays, what was running is attempted again from what it saved."""
    run_id = place.orphan(WORK, done={"load": {"rows": 3}})
    done = place.runs("recover", run_id, "--no-watch")
    assert done.code == 0
    assert json.loads(done.out[done.out.index("{\n") :]) == {"first": 4, "rate": 1}
    progress = place.session.progress(run_id)
    assert progress.status is RunStatus.COMPLETED
    assert [entry.attempt for entry in progress.actions] == [1, 2]
    again = place.runs("recover", run_id)
    assert again.code == 2
    assert f"`synapse runs resume {run_id[:16]} --store shared:` makes a new run of it" in again.err


def test_what_can_be_recovered_and_what_not_and_why(place: Place) -> None:
    """Without a run nothing is run: the unfinished ones are listed, with the reason."""
    orphan, alive = place.orphan(WORK, done={}), place.session.submit([wait])
    done = place.runs("recover", "--json")
    found = {run["id"]: run for run in done.json["runs"]}
    assert (found[orphan]["recoverable"], found[orphan]["reason"]) == (True, None)
    assert found[alive]["recoverable"] is False
    assert "it is run by" in found[alive]["reason"]
    table = place.runs("recover")
    assert "no: it is run by" in table.out
    assert "gives it up" not in table.err
    assert f"`synapse runs recover {orphan[:16]} --store shared:` goes on" in table.err
    assert place.runs("recover", alive).code == 3
    assert place.runs("list", "--json").json["runs"][0]["id"] == alive


def test_all_that_can_be_is_recovered(place: Place) -> None:
    """Each to its end; what cannot be is named, with the reason."""
    orphans = [place.orphan(WORK, done={"load": {}}) for _ in range(2)]
    alive = place.session.submit([wait])
    done = place.runs("recover", "--all", "--no-watch")
    assert done.code == 0
    assert {place.session.progress(run_id).status for run_id in orphans} == {RunStatus.COMPLETED}
    assert f"run {alive} (pipeline) is not taken up: it is run by" in done.err
    assert "none of the unfinished runs" in place.runs("recover", "--all").err
    assert place.runs("recover", alive, "--all").code == 2


def test_a_run_whose_code_is_gone_is_named(place: Place) -> None:
    """It cannot be recovered, and why is said."""
    run_id = place.orphan(WORK, done={})
    run = place.store._run(run_id)
    plan = {**run.record.plan, "nodes": [{**node, "entrypoint": "gone_module:x"} for node in run.record.plan["nodes"]]}
    run.record = type(run.record)(run_id, "flow", {}, plan, run.record.created_at)
    (found,) = place.runs("recover", "--json").json["runs"]
    assert found["recoverable"] is False
    assert "gone_module" in found["reason"]
    said = place.runs("recover").err
    assert f"`synapse runs resume {run_id[:16]} --plan --store shared:` says what a new run would reuse" in said
    assert f"`synapse runs cancel {run_id[:16]} --store shared:` gives it up" in said


def test_starting_a_run_tells_of_those_that_it_leaves(place: Place, tmp_path: Path) -> None:
    """With a store that outlives the process: a line each, those that nobody runs first, five at most."""
    flow = tmp_path / "flow.py"
    flow.write_text("from synapse_core import action\n@action\ndef only(params: dict): return {}\n")
    place.store.waits = True  # as a store on disk
    place.session.submit([wait])
    orphans = [place.orphan(WORK, done={}) for _ in range(5)]
    done = place.synapse("run", str(flow), "-q", "--store", "shared:")
    assert done.code == 0
    assert "6 unfinished runs are not taken up; `synapse runs recover --store shared:` tells more" in done.err
    for run_id in orphans:
        assert f"its engine is gone; `synapse runs recover {run_id[:16]} --store shared:` goes on with it" in done.err
    assert "it is run by" not in done.err
    assert "and 1 more" in done.err


def test_of_very_many_unfinished_runs_it_is_told_that_there_are_more(place: Place) -> None:
    """The newest hundred are looked at."""
    orphans = [place.orphan(WORK, done={}) for _ in range(101)]
    found = place.session.call(unfinished(place.store))
    assert [left.run.id for left in found] == orphans[:0:-1]
    assert all(left.engine.gone for left in found)
    assert how_many(found) == "100 or more unfinished runs are"
    assert and_more(found, found[:5]) == ["and 95 more, at least"]
    assert (how_many(found[:1]), how_many(found[:2])) == ("1 unfinished run is", "2 unfinished runs are")
    assert and_more(found[:2], found[:2]) == []


def test_a_run_that_was_left_and_cannot_be_taken_up_says_why(place: Place, tmp_path: Path) -> None:
    """Of the pipeline that is run now what was completed is compared with what it is."""
    flow = tmp_path / "flow.py"
    flow.write_text("from synapse_core import action\n@action\ndef only(params: dict): return {}\n")
    place.store.waits = True  # as a store on disk
    run_id = place.orphan(WORK, done={"load": {}})
    run = place.store._run(run_id)
    plan = {**run.record.plan, "nodes": [{**node, "entrypoint": "gone_module:x"} for node in run.record.plan["nodes"]]}
    run.record = type(run.record)(run_id, "flow", {}, plan, run.record.created_at, target=str(flow))
    done = place.synapse("run", str(flow), "-q", "--store", "shared:")
    assert done.code == 0
    assert "gone_module" in done.err
    assert "--plan" in done.err
