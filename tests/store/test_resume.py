"""Ways back to a run: what is reused, what is run again, and every edit in between that is caught or allowed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse_core import BaseAction, Node, Session
from synapse_core.errors import (
    CheckpointNotFoundError,
    ExecutionError,
    NotFoundError,
    PipelineChangedError,
    RunNotFoundError,
    StoreError,
    SynapseError,
)
from synapse_core.models import ActionStatus, RunStatus

FLOW = '''
import attrs
from synapse_core import BaseAction, Node

@attrs.frozen
class Source:
    path: str = "data"
    limit: int = 3

@attrs.frozen
class Rows:
    rows: list[int]

class Load(BaseAction[Source]):
    """Reads."""
    def execute(self) -> Rows:
        note("load")
        return Rows(list(range(self.params.limit)))

@attrs.frozen
class Trained:
    weights: int

class Train(BaseAction[Rows]):
    result_model = Trained
    def execute(self) -> Trained:
        note("train")
        return Trained(sum(self.params.rows))

class Report(BaseAction[Trained]):
    def execute(self) -> dict:
        note("report")
        if BROKEN:
            raise ValueError("no paper")
        return {"report": f"weights {self.params.weights}"}

BROKEN = False
steps = [Load, Train, Report]

def note(name):
    with open("ran.txt", "a") as file:
        file.write(name + " ")
'''

RUN = """
import json, sys
import flow
from synapse_core import Session
from synapse_core.errors import SynapseError

_, url, params, options = sys.argv
with Session(store=url) as session:
    try:
        run_id = session.submit(flow.steps, json.loads(params), **json.loads(options))
        progress = session.wait(run_id)
        print(json.dumps({"run": run_id, "result": progress.result}))
    except SynapseError as error:
        run_id = getattr(error, "run_id", "")
        print(json.dumps({"run": run_id, "error": type(error).__name__, "message": str(error)}))
"""


class Flow:
    """A pipeline in a file, run by a process of its own each time; it can be edited in between."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = FLOW
        (folder / "run.py").write_text(RUN)
        self.edit()

    def edit(self, *changes: tuple[str, str]) -> None:
        """Replace parts of the source."""
        for before, after in changes:
            assert before in self.source
            self.source = self.source.replace(before, after)
        (self.folder / "flow.py").write_text(self.source)

    def run(self, params: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Run it, and tell how that went and which actions ran."""
        ran = self.folder / "ran.txt"
        ran.write_text("")
        words = ["run.py", f"sqlite:///{self.folder}/runs.db", json.dumps(params or {}), json.dumps(options)]
        done = subprocess.run(
            [sys.executable, "-B", *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return {**json.loads(done.stdout), "ran": ran.read_text().split()}


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    """The pipeline, not run yet."""
    return Flow(tmp_path)


@pytest.fixture
def failed(flow: Flow) -> str:
    """The id of a run of it that failed in its last action; the fault is mended by now."""
    flow.edit(("BROKEN = False", "BROKEN = True"))
    run_id = flow.run()["run"]
    flow.edit(("BROKEN = True", "BROKEN = False"))
    assert isinstance(run_id, str)
    return run_id


def test_a_resume_reuses_what_was_completed(flow: Flow, failed: str) -> None:
    """In another process: completed actions are not run again, and the rest sees their results."""
    again = flow.run(resume_from=failed)
    assert again["result"] == {"report": "weights 3"}
    assert again["ran"] == ["report"]


def test_comments_and_formatting_change_nothing(flow: Flow, failed: str) -> None:
    """Code that only looks different is the same."""
    flow.edit(('note("load")', 'note( "load" )  # a remark'), ('"""Reads."""', '"""Reads rows, all of them."""'))
    assert flow.run(resume_from=failed)["ran"] == ["report"]


def test_changes_after_the_completed_part_are_free(flow: Flow, failed: str) -> None:
    """What has not been completed may be edited, and followed by more."""
    flow.edit(
        ('f"weights {self.params.weights}"', 'f"all in all {self.params.weights}"'),
        ("steps = [Load, Train, Report]", "steps = [Load, Train, Report, Node(Report, name='again')]"),
    )
    again = flow.run(resume_from=failed)
    assert again["ran"] == ["report", "report"]
    assert again["result"] == {"report": "all in all 3"}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ((("return Rows(list(range(self.params.limit)))", "return Rows([7])"),), "load: was of code"),
        ((("weights: int\n", "weights: int\n    loss: float = 0.0\n"),), "train: was of code"),
        ((('path: str = "data"\n    limit: int = 3', 'limit: int = 3\n    path: str = "data"'),), "load: was of code"),
        ((("limit: int = 3", "limit: int = 4"),), "load: was of code"),
        (
            (("steps = [Load, Train", "steps = [Load, Node(Load, name='more'), Train"),),
            "train: it needed 'load', and needs 'more'",
        ),
        ((("steps = [Load, Train, Report]", "steps = [Train, Report]"),), "load: was completed, and is no longer"),
        (
            (("steps = [Load, Train, Report]", "steps = [Node(Load, name='fetch'), Train, Report]"),),
            "load: was completed, and is no longer",
        ),
    ],
    ids=["code", "result-model", "reordered", "default", "inserted", "removed", "renamed"],
)
def test_a_change_of_the_completed_part_is_refused(
    flow: Flow, failed: str, edit: tuple[tuple[str, str], ...], said: str
) -> None:
    """It is named, with what was and what is; nothing runs. Forced, it runs again from the first that has changed."""
    flow.edit(*edit)
    refused = flow.run(resume_from=failed)
    assert refused["error"] == "PipelineChangedError"
    assert said in refused["message"]
    assert refused["ran"] == []
    forced = flow.run(resume_from=failed, force=True)
    if "Load" not in flow.source.rpartition("steps =")[2]:
        assert "rows: is required" in forced["message"]
        return
    assert forced["result"]["report"].startswith("weights")
    assert forced["ran"][-2:] == ["train", "report"]


def test_params_that_were_consumed_are_refused(flow: Flow, failed: str) -> None:
    """New params for what has yet to run are fine; one that a completed action has used is an error naming both."""
    refused = flow.run({"limit": 5}, resume_from=failed)
    assert refused["error"] == "PipelineChangedError"
    assert "load: param 'limit' was not given, and is 5" in refused["message"]
    assert flow.run({"elsewhere": 1}, resume_from=failed)["ran"] == ["report"]
    assert flow.run({"limit": 5}, resume_from=failed, force=True)["result"] == {"report": "weights 10"}


def test_a_rerun_starts_where_it_is_told_to(flow: Flow) -> None:
    """What came before an action is reused; it and what follows are run anew."""
    first = flow.run()
    assert first["ran"] == ["load", "train", "report"]
    assert flow.run(resume_from=first["run"], rerun_from="train")["ran"] == ["train", "report"]


# -- in one process, over every store -----------------------------------------------------------------------------


@attrs.frozen
class Number:
    n: int = 1


class Counter:
    """How often each action was run, and whether one is to fail."""

    ran: list[str] = []  # noqa: RUF012  the test's own
    failing: set[str] = set()  # noqa: RUF012  as above


class First(BaseAction[Number]):
    """Adds one."""

    def execute(self) -> Number:
        Counter.ran.append("first")
        return Number(self.params.n + 1)


@attrs.frozen
class Item:
    item: int


class Each(BaseAction[Item]):
    """Fails for the items it is told to."""

    def execute(self) -> int:
        Counter.ran.append(f"each {self.params.item}")
        if f"each {self.params.item}" in Counter.failing:
            raise ValueError("told to")
        return self.params.item * 10


class Epochs(BaseAction[Number]):
    """Counts to five and fails at three, once."""

    def execute(self) -> dict[str, list[int]]:
        done = self.ctx.load_checkpoint() or []
        for epoch in range(len(done) + 1, 6):
            if epoch == 3 and "epochs" in Counter.failing:
                raise ValueError("told to")
            Counter.ran.append(f"epoch {epoch}")
            done = [*done, epoch]
            self.ctx.save_checkpoint(done)
        return {"epochs": done}


@pytest.fixture(params=["memory", "sqlite"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A session over each store."""
    Counter.ran, Counter.failing = [], set()
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/runs.db"
    with Session(store=url, work_base=tmp_path) as session:
        yield session


def fails(session: Session, *args: Any, **options: Any) -> str:
    """Run what fails, and return the run's id."""
    with pytest.raises(ExecutionError) as caught:
        session.execute(*args, **options)
    return caught.value.run_id


def test_only_the_missing_instances_are_run(session: Session) -> None:
    """Of a fan-out the completed instances are reused, and the results are in item order."""
    Counter.failing = {"each 3"}
    pipeline = [Node(Each, each="item in items")]
    run_id = fails(session, pipeline, {"items": [1, 2, 3, 4]})
    done = {name for name in Counter.ran if name != "each 3"}
    Counter.ran, Counter.failing = [], set()
    for items, said in (
        ([1, 2, 3, 4], "3 reused"),
        ([1, 9, 3, 4], "2 reused, 1 changed and run again"),
        ([7, 8, 9], "3 changed and run again"),
    ):
        plan = session.plan_resume(pipeline, {"items": items}, resume_from=run_id)
        assert plan is not None
        assert plan.actions[0].why == f"3 of its instances were completed: {said}"
    assert session.execute(pipeline, resume_from=run_id) == [10, 20, 30, 40]
    assert set(Counter.ran).isdisjoint(done)


def test_an_interrupted_action_goes_on_from_its_midway_state(session: Session) -> None:
    """Its state survives into the new run, and into a run that resumes that one."""
    Counter.failing = {"epochs"}
    run_id = fails(session, [First, Epochs], {"n": 1})
    again = fails(session, [First, Epochs], resume_from=run_id)
    assert Counter.ran == ["first", "epoch 1", "epoch 2"]
    Counter.failing = set()
    assert session.execute([First, Epochs], resume_from=again) == {"epochs": [1, 2, 3, 4, 5]}
    assert Counter.ran == ["first", "epoch 1", "epoch 2", "epoch 3", "epoch 4", "epoch 5"]


def test_reused_actions_are_told_as_skipped(session: Session) -> None:
    """With the reason; their checkpoints are the new run's own."""
    Counter.failing = {"epochs"}
    run_id = fails(session, [First, Epochs])
    Counter.failing = set()
    again = session.submit([First, Epochs], resume_from=run_id)
    progress = session.wait(again)
    assert progress.action("first").status is ActionStatus.SKIPPED
    assert run_id in (progress.action("first").message or "")
    kept = {checkpoint.action_name: checkpoint for checkpoint in session.call(session.store.checkpoints(again))}
    assert kept["first"].run_id == again
    assert kept["first"].result == {"n": 2}


def test_the_plan_of_a_resume_gives_a_reason_for_each_action_and_runs_nothing(session: Session) -> None:
    """As ``synapse runs resume RUN --plan`` shows it."""
    Counter.failing = {"epochs"}
    run_id = fails(session, [First, Epochs])
    Counter.ran = []
    plan = session.plan_resume([First, Epochs], resume_from=run_id)
    assert plan is not None
    assert [(action.name, action.decision) for action in plan.actions] == [("first", "reuse"), ("epochs", "run")]
    assert all(action.why for action in plan.actions)
    assert Counter.ran == []


def test_the_plan_of_a_rerun_says_what_was_asked_for_and_what_only_follows_it(session: Session) -> None:
    """Nobody named the second."""
    run_id = session.submit([First, Epochs])
    session.wait(run_id)
    plan = session.plan_resume([First, Epochs], resume_from=run_id, rerun_from="first")
    assert plan is not None
    assert [action.why for action in plan.actions] == ["it was asked for", "it follows 'first', which was asked for"]


def test_a_completed_action_whose_condition_holds_no_more_is_a_change(session: Session) -> None:
    """A fresh run would skip it: its result is not reused in silence, and forced it is skipped."""
    Counter.failing = {"epochs"}
    run_id = fails(session, [Node(First, when="n"), Epochs], {"n": 1})
    Counter.failing = set()
    edited = [Node(First, when="not n"), Epochs]
    with pytest.raises(
        PipelineChangedError, match="first: its condition held, and does not hold any more, when='not n'"
    ):
        session.submit(edited, resume_from=run_id)
    again = session.submit(edited, resume_from=run_id, force=True)
    assert session.wait(again).action("first").message == "its condition does not hold: when='not n'"


@attrs.frozen
class Login:
    user: str
    api_key: str = attrs.field(metadata={"secret": True})


class Fetch(BaseAction[Login]):
    """Needs a secret."""

    def execute(self) -> dict[str, int]:
        Counter.ran.append("fetch")
        return {"n": 1}


class FetchAny(BaseAction[dict[str, Any]]):
    """Takes all params there are."""

    def execute(self) -> dict[str, int]:
        return {"n": 1}


def test_another_secret_is_no_change(session: Session) -> None:
    """A key that has expired is replaced: what it was used for stays."""
    Counter.failing = {"epochs"}
    run_id = fails(session, [Fetch, Epochs], {"user": "me", "api_key": "hush"})
    Counter.failing = set()
    session.execute([Fetch, Epochs], {"api_key": "quiet"}, resume_from=run_id)
    assert Counter.ran.count("fetch") == 1


def test_a_secret_of_another_action_is_no_change_either(session: Session) -> None:
    """One without a model is given all params; those that a model of the pipeline says are secret do not count."""
    Counter.failing = {"epochs"}
    steps = [FetchAny, Fetch, Epochs]
    run_id = fails(session, steps, {"user": "me", "api_key": "hush"})
    Counter.failing = set()
    session.execute(steps, {"api_key": "quiet"}, resume_from=run_id)
    assert Counter.ran.count("fetch") == 1
    with pytest.raises(PipelineChangedError, match="fetch_any: param 'user' was 'me', and is 'you'"):
        session.submit(steps, {"user": "you", "api_key": "quiet"}, resume_from=run_id)


def test_a_change_is_told_without_secrets(session: Session) -> None:
    """An action without a model is compared by all params; what looks secret in them is not shown."""
    Counter.failing = {"epochs"}
    run_id = fails(session, [FetchAny, Epochs], {"user": "me", "api_key": "hush", "more": {"token": "hush"}})
    others = {"user": "you", "api_key": "quiet", "more": {"token": "quiet"}, "new": 1}
    with pytest.raises(PipelineChangedError, match="param 'user' was 'me', and is 'you'") as caught:
        session.submit([FetchAny, Epochs], others, resume_from=run_id)
    assert "param 'api_key' was '***', and is another" in str(caught.value)
    assert "param 'new' was not given, and is 1" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "quiet" not in str(caught.value)


def test_nothing_to_resume_from_is_an_error_unless_that_is_fine(session: Session) -> None:
    """No silent fresh start."""
    Counter.failing = {"each 1"}
    run_id = fails(session, [Node(Each, each="item in items")], {"items": [1]})
    Counter.failing = set()
    with pytest.raises(CheckpointNotFoundError, match="nothing to resume from"):
        session.submit([Node(Each, each="item in items")], resume_from=run_id)
    with pytest.raises(RunNotFoundError):
        session.submit([First], resume_from="nowhere")
    assert session.execute([First], resume_from="nowhere", missing_ok=True) == Number(2)
    assert session.execute([Node(Each, each="item in items")], resume_from=run_id, missing_ok=True) == [10]


def test_a_rerun_from_an_unknown_action_says_which_there_are(session: Session) -> None:
    """The nearest name, too."""
    run_id = session.submit([First])
    session.wait(run_id)
    with pytest.raises(NotFoundError, match="did you mean 'first'"):
        session.submit([First], resume_from=run_id, rerun_from="frist")


def test_a_rerun_is_never_a_fresh_start_by_mistake(session: Session) -> None:
    """Neither where no run is named, nor where nothing was completed and the action is another."""
    with pytest.raises(SynapseError, match="rerun_from='first', but of which run"):
        session.submit([First], rerun_from="first")
    Counter.failing = {"epochs"}
    run_id = fails(session, [Epochs])
    with pytest.raises(NotFoundError, match="did you mean 'epochs'"):
        session.submit([Epochs], resume_from=run_id, rerun_from="epoch")
    assert session.call(session.store.list_runs())[0].id == run_id


def test_a_run_that_has_ended_cannot_be_recovered(session: Session) -> None:
    """It is resumed instead, which makes a new run."""
    run_id = session.submit([First])
    session.wait(run_id)
    with pytest.raises(StoreError, match="completed"):
        session.recover(run_id)


def test_an_old_run_is_never_another_pipeline(session: Session) -> None:
    """The same names over other actions are caught: a result is not matched by name alone."""
    Counter.failing = {"epochs"}
    run_id = fails(session, [First, Epochs])
    with pytest.raises(PipelineChangedError, match=r"first: was .*First, and is .*Each"):
        session.submit([Node(Each, name="first"), Epochs], {"item": 1}, resume_from=run_id)
    assert session.progress(run_id).status is RunStatus.FAILED
