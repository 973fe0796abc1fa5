"""Ctrl-C and SIGTERM: once the run is cancelled and nothing of it is left; twice it is ended at once."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synapse_core.cli.holding import Held
from tests.core.cli.helpers import SYNAPSE, Here
from tests.core.console.helpers import without_codes
from tests.core.console.terminals import Terminal


@contextmanager
def running(here: Here, action: str, *args: str) -> Iterator[subprocess.Popen[str]]:
    """The command, from the moment when its action runs."""
    command = [SYNAPSE, "run", "flow.py", action, "-p", f"folder={here.folder}", "--no-watch", *args]
    process = subprocess.Popen(
        command, cwd=here.folder, env=here.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        until((here.folder / "started").exists)
        yield process
    finally:
        process.kill()
        process.communicate()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "executor", "code"),
    [(signal.SIGINT, "local", 130), (signal.SIGINT, "process", 130), (signal.SIGTERM, "local", 143)],
)
def test_once_the_run_is_cancelled(here: Here, number: signal.Signals, executor: str, code: int) -> None:
    """The action's ``finally`` runs, the run is cancelled, the command says so, and no child is left."""
    with running(here, "wait", "--executor", executor) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert (here.folder / "cleaned").exists()
        assert "cancelling; press Ctrl-C again to end the actions at once" in err
        assert "was cancelled" in err
        assert "■ cancelled in" in out
        assert "Traceback" not in out + err
        until(lambda: not _left_over(here))


def test_twice_it_is_ended_at_once(here: Here) -> None:
    """An action that hears nothing has five seconds; a second Ctrl-C takes them away."""
    with running(here, "stuck", "--executor", "process") as process:
        process.send_signal(signal.SIGINT)
        _read_until(process, "cancelling")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "ending the actions" in err
        assert "was cancelled" in err
        assert "Traceback" not in err
        until(lambda: not _left_over(here))


def test_twice_a_thread_that_hears_nothing_is_left_behind(here: Here) -> None:
    """What cannot be forced does not keep the command from ending."""
    with running(here, "stuck") as process:
        process.send_signal(signal.SIGINT)
        _read_until(process, "cancelling")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130


def test_one_that_comes_while_the_run_is_started_cancels_it(here: Here) -> None:
    """It waits until there is a run, and is told as any other."""
    here.write(
        "hasty.py",
        """
        import signal
        from synapse_core import hookimpl

        @hookimpl
        def synapse_run_started(run):
            signal.raise_signal(signal.SIGINT)
        """,
    )
    for command in (
        ("run", "flow.py", "wait", "-p", f"folder={here.folder}"),
        ("runs", "rerun", "last", "--from", "wait"),
    ):
        done = here.synapse("--plugin", "hasty.py", *command)
        assert done.code == 130
        assert "cancelling; press Ctrl-C again to end the actions at once" in done.err
        assert "was cancelled" in done.err or "has completed before that" in done.err
        assert "Traceback" not in done.out + done.err


SLOW = """
    import signal
    from synapse_core import Session, hookimpl
    from synapse_core.protocols import ExecutorOffer

    class Slow:
        store_url = "sqlite:///far.db"
        def __init__(self, times=1):
            self.times = times
            self.session = Session(store=self.store_url)
        def submit(self, pipeline, params, **options):
            signal.raise_signal(signal.SIGINT)
            run_id = self.session.submit(pipeline, params, **options)
            for _ in range(self.times - 1):
                signal.raise_signal(signal.SIGINT)
            return run_id
        def close(self):
            self.session.close()

    @hookimpl
    def synapse_executors():
        return [ExecutorOffer("slow", Slow, runs="pipeline")]
"""


@pytest.mark.parametrize("more", [(), ("--detach",)])
def test_one_that_comes_while_a_run_is_started_elsewhere_cancels_it(here: Here, more: tuple[str, ...]) -> None:
    """Which may take a while: that it is heard is said at once."""
    here.write("slow.py", SLOW)
    run = ("--plugin", "slow.py", "run", "flow.py", "wait", "-p", f"folder={here.folder}", "-e", "slow", *more)
    done = here.synapse(*run)
    assert done.code == 130
    assert "the run is cancelled as soon as it has started; press Ctrl-C again to leave it" in done.err
    assert "was cancelled" in done.err
    (kept,) = here.synapse("runs", "list", "--store", "sqlite:///far.db", "--json").json["runs"]
    assert kept["status"] == "cancelled"


def test_a_run_elsewhere_that_is_left_while_it_starts_is_named(here: Here) -> None:
    """With a second one: it may go on, and how it is ended is said."""
    here.write("slow.py", SLOW)
    run = ("--plugin", "slow.py", "run", "flow.py", "wait", "-p", f"folder={here.folder}", "-e", "slow")
    done = here.synapse(*run, "-o", "times=2")
    assert done.code == 130
    (kept,) = here.synapse("runs", "list", "--store", "sqlite:///far.db", "--json").json["runs"]
    assert f"run {kept['id']} may go on" in done.err
    assert f"synapse runs cancel {kept['id'][:16]} --store sqlite:///far.db" in done.err
    assert "Traceback" not in done.out + done.err


def test_a_second_one_does_not_wait() -> None:
    """Where a start takes long, as when the store is away."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    reached: list[int] = []

    def start() -> None:
        with Held():
            for number in (1, 2, 3):
                signal.raise_signal(signal.SIGINT)
                reached.append(number)

    with pytest.raises(KeyboardInterrupt):
        start()
    assert reached == [1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_ctrl_c_on_a_live_terminal(here: Here) -> None:
    """The picture says that the run is being cancelled, stays in its last state, and the cursor is back."""
    command = [SYNAPSE, "run", "flow.py", "wait", "-p", f"folder={here.folder}"]
    with Terminal(command, env={"SYNAPSE_HOME": str(here.home)}, cwd=here.folder) as terminal:
        terminal.read_until("running")
        until((here.folder / "started").exists)
        terminal.interrupt()
        assert terminal.wait() == 130
        shown = without_codes(terminal.output)
        assert "cancelling; press Ctrl-C again" in shown
        assert any(line.startswith("■ cancelled in") for line in terminal.screen)
        assert terminal.output.rindex("\x1b[?25h") > terminal.output.rindex("\x1b[?25l")


def test_a_live_run(here: Here) -> None:
    """On a terminal the run is drawn; the picture and the result stay."""
    command = [SYNAPSE, "run", "flow.py:pipeline"]
    with Terminal(command, env={"SYNAPSE_HOME": str(here.home)}, cwd=here.folder) as terminal:
        assert terminal.wait() == 0
        lines = [line for line in terminal.screen if line]
    assert lines[0].endswith("train  INFO  trained  epochs=3")
    assert lines[1].startswith("flow  ")
    assert lines[2].startswith("✓ load   completed")
    assert lines[3].startswith("✓ train  completed")
    assert lines[4].startswith("✓ completed in")
    assert lines[5:] == ["{", '  "accuracy": 0.5,', '  "epochs": 3,', '  "optimizer": "adam"', "}"]


def _read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    while text not in (line := process.stderr.readline()):
        assert line, f"{text!r} was not said"


def _left_over(here: Here) -> list[bytes]:
    """The processes that were started from here and still run, by command line."""
    mark = f"SYNAPSE_HOME={here.home}".encode()
    return [
        _told(process, "cmdline").replace(b"\0", b" ")
        for process in Path("/proc").glob("[0-9]*")
        if mark in _told(process, "environ")
    ]


def _told(process: Path, name: str) -> bytes:
    try:
        return (process / name).read_bytes()
    except OSError:  # it has ended, or is not ours
        return b""
