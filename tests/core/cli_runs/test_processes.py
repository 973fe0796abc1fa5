"""Runs of other processes, kept in SQLite: killed, recovered, cancelled, watched, edited in between."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.cli.helpers import SYNAPSE, Here
from tests.core.cli_runs.helpers import until
from tests.core.console.terminals import Terminal

FLOW = '''
    """Steps that save their state, and wait for a file after the third."""

    import os
    from pathlib import Path

    import attrs

    from synapse_core import ActionPipeline, action


    @attrs.frozen
    class Data:
        rows: int


    @action("load")
    def load(params: dict, ctx) -> Data:
        with Path("loaded").open("a") as file:
            file.write(".")
        return Data(3)


    @action("learn")
    def learn(params: dict, ctx) -> dict:
        first = (ctx.load_checkpoint() or {"step": 0})["step"] + 1
        Path("pid").write_text(str(os.getpid()))
        for step in range(first, 6):
            ctx.set_progress(step, 5)
            ctx.save_checkpoint({"step": step})
            if step == 3:
                Path("third").touch()
                while not Path("go").exists():
                    ctx.sleep(0.02)
        return {"first": first}


    @action("finish")
    def finish(params: dict, ctx) -> dict:
        return {"first": params["first"], "rows": params["rows"]}


    pipeline = ActionPipeline([load, learn, finish], name="steps")
'''


class Steps(Here):
    """A folder with the pipeline of steps, and its runs in processes of their own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.write("steps.py", FLOW)
        self.started: list[subprocess.Popen[str]] = []

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "SYNAPSE_STORE": f"sqlite:///{self.folder}/runs.db"}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the pipeline, and wait until it has done its third step and saved it."""
        command = [SYNAPSE, "run", "steps.py:pipeline", "-q", *words]
        process = subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        until(lambda: (self.folder / "third").exists() or process.poll() is not None, 60)
        until(lambda: self.saved() == 3)
        return process

    def saved(self) -> int:
        """The last step of the newest run that the store knows to be saved."""
        events = self.synapse("runs", "events", "last", "--json", "--kind", "action.checkpoint").lines
        return int(events[-1]["payload"]["state"]["step"]) if events else 0

    def run(self, run: str = "last") -> Any:
        """What is known of a run."""
        return self.synapse("runs", "show", run, "--json").json

    def edit(self, old: str, new: str) -> None:
        """Change the code of the pipeline."""
        file = self.folder / "steps.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def killed(self, *words: str) -> str:
        """The id of a run whose process was killed with its third step done."""
        process = self.start(*words)
        process.kill()
        process.communicate()
        (self.folder / "go").touch()
        return str(self.run()["id"])

    @property
    def loaded(self) -> int:
        """How often the first action was run."""
        return len((self.folder / "loaded").read_text())


@pytest.fixture
def steps(tmp_path: Path) -> Iterator[Steps]:
    """A folder with the pipeline; what is still running in the end is killed."""
    place = Steps(tmp_path)
    yield place
    for process in place.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_killed_run_is_recovered_where_it_was(steps: Steps) -> None:
    """The same run: what was completed is not run again, what was running goes on from what it saved."""
    run_id = steps.killed()
    listed = steps.synapse("runs", "list")
    assert "● running?" in listed.out
    assert f"synapse runs recover {run_id[:16]}" in listed.out
    done = steps.synapse("runs", "recover", run_id, "-q")
    assert (done.code, done.json) == (0, {"first": 4, "rows": 3})
    run = steps.run(run_id)
    assert (run["status"], steps.loaded) == ("completed", 1)
    assert [action["attempt"] for action in run["progress"]] == [1, 2, 1]


@pytest.mark.slow
def test_a_killed_run_is_resumed_from_another_folder(steps: Steps) -> None:
    """A new run reuses what the old one has completed; the next run tells of the one that was left."""
    run_id = steps.killed()
    told = steps.synapse("run", "steps.py", "load", "-q")
    assert "1 unfinished run is not taken up" in told.err
    assert f"`synapse runs recover {run_id[:16]}` goes on with it" in told.err
    elsewhere = Here(steps.folder / "elsewhere")
    elsewhere.folder.mkdir()
    done = elsewhere.synapse("runs", "resume", run_id, "-q", env=steps.env)
    assert (done.code, done.json) == (0, {"first": 4, "rows": 3})
    run = steps.run()
    assert run["resumed_from"] == run_id
    assert [action["status"] for action in run["progress"]] == ["skipped", "completed", "completed"]


@pytest.mark.slow
def test_edits_between_crash_and_resume(steps: Steps) -> None:
    """A comment changes nothing; other code of a completed action is refused with a diff, and run again if forced."""
    run_id = steps.killed()
    steps.edit("    return Data(3)", "    # three, as always\n    return Data(3)")
    assert steps.synapse("runs", "resume", run_id, "--plan").code == 0
    steps.edit("return Data(3)", "return Data(rows=4)")
    plan = steps.synapse("runs", "resume", run_id, "--plan", "--json")
    assert (plan.code, plan.json["refused"]) == (2, True)
    assert [action["decision"] for action in plan.json["actions"]] == ["changed", "run", "run"]
    for refused in (steps.synapse("runs", "resume", run_id), steps.synapse("runs", "recover", run_id)):
        assert refused.code in {2, 3}
        assert "load" in refused.err
        assert "changed since" in refused.err
    assert steps.loaded == 1
    done = steps.synapse("runs", "resume", run_id, "--force", "-q")
    assert (done.code, done.json) == (0, {"first": 1, "rows": 4})


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["local", "process"])
def test_a_run_is_cancelled_from_another_process(steps: Steps, executor: str) -> None:
    """To the code that runs: when the command returns, its process is gone."""
    process = steps.start("-e", executor)
    worker = int((steps.folder / "pid").read_text())
    assert (worker == process.pid) == (executor == "local")
    done = steps.synapse("runs", "cancel", "last", "--wait", "--reason", "no more")
    assert done.code == 0
    assert done.err.endswith("was cancelled\n")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cancelled: no more" in err
    assert "`synapse runs resume " in err
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert [action["status"] for action in steps.run()["progress"]] == ["completed", "failed", "skipped"]


@pytest.mark.slow
def test_ctrl_c_stops_the_watching_and_nothing_else(steps: Steps) -> None:
    """What to type to end the run is told; the run goes on to its end."""
    process = steps.start()
    with Terminal([SYNAPSE, "runs", "watch", "last"], env=steps.env) as terminal:
        terminal.read_until("60%")
        terminal.interrupt()
        assert terminal.wait() == 130
    assert "no longer watched; the run goes on. `synapse runs cancel " in terminal.output
    (steps.folder / "go").touch()
    assert process.communicate(timeout=60) == ('{\n  "first": 1,\n  "rows": 3\n}\n', "")


@pytest.mark.slow
def test_watching_a_run_of_another_process_to_its_end(steps: Steps) -> None:
    """The picture is drawn from what the store tells, until the run has completed."""
    steps.start()
    with Terminal([SYNAPSE, "runs", "watch", "last"], env=steps.env) as terminal:
        terminal.read_until("60%")
        (steps.folder / "go").touch()
        assert terminal.wait() == 0
    assert any(line.startswith("✓ completed in ") for line in terminal.screen)


@pytest.mark.slow
def test_two_who_recover_at_once_run_it_once(steps: Steps) -> None:
    """One of them is told that the other has it."""
    run_id = steps.killed()
    (steps.folder / "go").unlink()
    (steps.folder / "third").unlink()
    command = [SYNAPSE, "runs", "recover", run_id, "-q"]
    both = [
        subprocess.Popen(command, cwd=steps.folder, env=steps.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    codes = sorted(process.wait(60) for process in both)
    errors = [process.stderr.read().decode() for process in both if process.stderr and process.returncode]
    for process in both:
        process.communicate()
    assert codes[0] == 0
    assert codes[1] in {2, 3}
    assert any(part in errors[0] for part in ("is run by process", "has ended", "has completed"))
    assert steps.run(run_id)["progress"][1]["attempt"] == 2


@pytest.mark.slow
def test_readers_that_go_away_are_no_error(steps: Steps) -> None:
    """``| true`` of anything, and help too: who reads is gone before anything is written."""
    (steps.folder / "go").touch()
    assert steps.synapse("run", "steps.py:pipeline", "-q").code == 0
    for words in ("events last --json", "events last", "logs last", "list", "show last", "--help", "show --help"):
        piped = subprocess.run(
            ["bash", "-c", f"{SYNAPSE} runs {words} | true; exit ${{PIPESTATUS[0]}}"],
            cwd=steps.folder,
            env=steps.env,
            capture_output=True,
            text=True,
            check=False,
        )
        said = "no entries\n" if words == "logs last" else ""  # the run logs nothing
        assert (piped.returncode, piped.stderr) == (0, said), words


@pytest.mark.slow
def test_sigterm_while_recovering_cancels(steps: Steps) -> None:
    """As of `synapse run`: the engine is here, and so the run is cancelled, and can be resumed."""
    run_id = steps.killed()
    (steps.folder / "go").unlink()
    steps.edit("if step == 3", "if step == 4")
    process = subprocess.Popen(
        [SYNAPSE, "runs", "recover", run_id, "--json"],
        cwd=steps.folder,
        env=steps.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"run.resumed"' in line:
            break
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert f"run {run_id} was cancelled" in err
    assert steps.run(run_id)["status"] == "cancelled"


def test_the_store_is_named_where_the_run_is(steps: Steps) -> None:
    """By --store as by SYNAPSE_STORE; where neither is said it is SQLite in the user's data folder."""
    (steps.folder / "go").touch()
    assert steps.synapse("run", "steps.py", "load", "-q", env={"SYNAPSE_STORE": ""}).code == 0
    assert (steps.home / "runs.db").exists()
    url = f"sqlite:///{steps.folder}/other.db"
    assert steps.synapse("run", "steps.py", "load", "-q", "--store", url).code == 0
    shown = steps.synapse("runs", "show", "last", "--store", url, "--json").json
    assert shown["store"] == str(steps.folder / "other.db")
    assert all(command.endswith(f"--store {url}") for command in shown["next"])
