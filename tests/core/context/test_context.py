"""The context that an action is given, and the folders of a run."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from pathlib import Path

import attrs
import pytest

from synapse_core import RuntimeContext
from synapse_core.context import CancelToken, MidwayState, PipelineContext, data_home
from synapse_core.errors import ActionCancelled, SynapseError, UnserializableError
from synapse_core.loggers import ConsoleLogger
from synapse_core.testing import wait_until
from synapse_core.worker import Reporter


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _open_umask():
    """A umask that leaves everything open shows who relies on it."""
    before = os.umask(0)
    yield
    os.umask(before)


# -- folders ------------------------------------------------------------------------------------------------------


def test_a_run_has_folders_that_only_this_user_may_enter(tmp_path: Path):
    """Made when they are asked for, with all that is above them."""
    run = PipelineContext("run-1", tmp_path / "home" / "runs")
    assert not (tmp_path / "home").exists()
    for name in ("datasets", "models", "artifacts", "logs", "checkpoints"):
        folder = getattr(run, name)
        assert folder == tmp_path / "home" / "runs" / "run-1" / name
        assert mode(folder) == 0o700
    assert [mode(path) for path in (run.root, run.root.parent, tmp_path / "home")] == [0o700] * 3


def test_an_action_has_a_folder_in_its_runs(tmp_path: Path):
    """And sees those that the run's actions share."""
    ctx = RuntimeContext(work_dir=tmp_path / "runs" / "run-1" / "actions" / "train")
    assert list(tmp_path.iterdir()) == []
    assert ctx.work_dir.is_dir()
    assert mode(ctx.work_dir) == mode(tmp_path / "runs" / "run-1") == 0o700
    assert ctx.pipeline.artifacts == tmp_path / "runs" / "run-1" / "artifacts"
    assert ctx.pipeline.run_id == "run-1"


def test_a_context_made_by_hand_has_a_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where this user's data is kept; nowhere that others could have made before."""
    monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path / "home"))
    assert RuntimeContext().work_dir == tmp_path / "home" / "runs" / "adhoc" / "actions" / "action"
    assert RuntimeContext(run_id="r", action="a/b").work_dir == tmp_path / "home" / "runs" / "r" / "actions" / "a_b"


@pytest.mark.parametrize("run_id", ["", ".", "..", "a/b", "a\\b", "a\0b"])
def test_a_run_cannot_lead_out_of_its_folder(tmp_path: Path, run_id: str):
    """Whoever names a run may not choose where its files go."""
    with pytest.raises(SynapseError, match="cannot name"):
        PipelineContext(run_id, tmp_path)


def test_a_runs_folder_can_be_removed(tmp_path: Path):
    """With all in it; and once more, without harm."""
    run = PipelineContext("run-1", tmp_path)
    (run.artifacts / "model.bin").write_bytes(b"x")
    run.cleanup()
    run.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_data_is_kept_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """SYNAPSE_HOME, else the platform's folder."""
    monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path))
    assert data_home() == tmp_path
    monkeypatch.delenv("SYNAPSE_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert data_home() == Path("/data/synapse")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert data_home() == Path("/home/me/.local/share/synapse")
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_home() == Path("/home/me/Library/Application Support/synapse")


# -- stopping -----------------------------------------------------------------------------------------------------


def test_the_first_reason_stays():
    """However often it is asked to stop."""
    token = CancelToken()
    token.cancel("first")
    token.cancel("second")
    with pytest.raises(ActionCancelled, match="first"):
        RuntimeContext(cancel=token).check()


def test_who_waits_for_a_cancel_is_told_once():
    """Before and after it was asked for, by however many threads."""
    token, told = CancelToken(), []
    token.on_cancel(lambda: told.append("early"))
    threads = [threading.Thread(target=token.cancel, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    token.on_cancel(lambda: told.append("late"))
    assert told == ["early", "late"]


def test_a_sleep_ends_with_a_cancel():
    """At once, whatever was left of it."""
    token, ended = CancelToken(), []
    ctx = RuntimeContext(cancel=token)

    def sleep() -> None:
        try:
            ctx.sleep(3600)
        except ActionCancelled as error:
            ended.append(str(error))

    threads = [threading.Thread(target=sleep) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: token._asked is not None)
    token.cancel("enough")
    for thread in threads:
        thread.join(30)
    assert ended == ["enough"] * 3


def test_a_context_that_nobody_can_cancel_just_sleeps():
    """As one made by hand."""
    ctx = RuntimeContext()
    ctx.sleep(0.001)
    ctx.check()
    assert ctx.cancelled is False


def test_a_cancel_is_not_swallowed_by_a_broad_except():
    """It is no Exception: a loop that goes on after errors still ends."""
    token = CancelToken()
    token.cancel("enough")

    def loop() -> None:
        while True:
            with contextlib.suppress(Exception):  # what an action's author might write
                RuntimeContext(cancel=token).check()

    with pytest.raises(ActionCancelled):
        loop()


# -- environment and logger ---------------------------------------------------------------------------------------


def test_the_environment_is_what_was_given():
    """Typed getters and all; a secret in it is not shown."""
    ctx = RuntimeContext(env={"API_TOKEN": "hunter2-hunter2", "EPOCHS": "3"})
    assert ctx.env.get_int("EPOCHS") == 3
    assert ctx.env is ctx.env
    assert "hunter2" not in repr(ctx.env)


def test_a_context_made_by_hand_reports_to_the_console(capsys: pytest.CaptureFixture[str]):
    """So that a test or a notebook sees something."""
    ctx = RuntimeContext()
    assert isinstance(ctx.logger, ConsoleLogger)
    ctx.log_message("hello")
    out, err = capsys.readouterr()
    assert "hello" in out + err


# -- mid-way state ------------------------------------------------------------------------------------------------


@attrs.define
class Position:
    epoch: int
    path: Path


def test_mid_way_state_is_kept_as_data(tmp_path: Path):
    """Models too; it is reported, and had back as what was stored."""
    reporter = Reporter("train", 1, lambda: None)
    ctx = RuntimeContext(reporter)
    assert RuntimeContext().load_checkpoint() is None
    assert RuntimeContext().checkpoint_artifacts is None
    ctx.save_checkpoint(Position(3, Path("w.pt")), artifacts_path=tmp_path)
    assert ctx.load_checkpoint() == {"epoch": 3, "path": "w.pt"}
    assert ctx.checkpoint_artifacts == tmp_path
    (draft,) = reporter.drain()
    assert (draft.kind, draft.payload) == (
        "action.checkpoint",
        {"state": {"epoch": 3, "path": "w.pt"}, "artifacts_path": str(tmp_path)},
    )


def test_mid_way_state_of_an_earlier_attempt_is_there():
    """As it was saved."""
    ctx = RuntimeContext(midway=MidwayState({"epoch": 3}, "/files"))
    assert ctx.load_checkpoint() == {"epoch": 3}
    assert ctx.checkpoint_artifacts == Path("/files")


def test_state_that_is_no_data_is_refused_at_once():
    """Not when somebody resumes; the place is named."""
    ctx = RuntimeContext(Reporter("train", 1, lambda: None))
    with pytest.raises(UnserializableError, match=r"model\.lock"):
        ctx.save_checkpoint({"model": {"lock": threading.Lock()}})
    assert ctx.load_checkpoint() is None


def test_saved_state_is_what_it_was_when_it_was_saved():
    """What the action does with its own objects later changes nothing."""
    ctx = RuntimeContext(Reporter("train", 1, lambda: None))
    state = {"seen": [1]}
    ctx.save_checkpoint(state)
    state["seen"].append(2)
    assert ctx.load_checkpoint() == {"seen": [1]}
