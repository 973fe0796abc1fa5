"""``make demo``: a run is killed in the middle of training, and taken up again with what it had completed and saved.

Nothing is staged: the commands that are shown are run, and the process that runs the actions is killed with SIGKILL.
What is said of it in the end is read from the store.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from synapse_core import Session
from synapse_core.events import Event, Kind
from synapse_core.models import ActionProgress, ActionStatus

EXAMPLE = Path(__file__).parent / "digits"
SYNAPSE = Path(sys.executable).with_name("synapse")
TRAININGS = ("train-wide", "train-deep")
DEADLY_EPOCH = 23
"""The run is killed when both trainings have passed this epoch. They save their state every few epochs."""


def main() -> int:
    home = Path(tempfile.mkdtemp(prefix="synapse-demo-"))
    os.environ |= {"SYNAPSE_HOME": str(home), "SYNAPSE_STORE": f"sqlite:///{home}/runs.db"}
    began = time.monotonic()
    tell("A pipeline learns to read handwritten digits, twice. All that happens is kept in SQLite.")
    run_and_kill()
    tell("This is what the store knows of it:")
    synapse("runs", "list")
    tell("And this is what could be made of it:")
    synapse("runs", "resume", "last", "--plan")
    tell("So be it:")
    if synapse("runs", "resume", "last"):
        return 1
    tell(f"In short ({time.monotonic() - began:.0f} seconds in all):")
    report()
    print(f"\n  All of it is still there: SYNAPSE_HOME={home} .venv/bin/synapse runs show last\n")
    return 0


# -- the crash --------------------------------------------------------------------------------------------------


def run_and_kill() -> None:
    """Run the example in a process of its own, and kill that when both trainings are past the deadly epoch."""
    show_command("run", "examples/digits")
    process = subprocess.Popen([SYNAPSE, "run", EXAMPLE])
    try:
        wait_for_trainings(process)
    except BaseException:
        process.wait()
        raise
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    print(
        f"{SHOW_CURSOR}\n\n{paint('1;31', f'kill -9 {process.pid}')}  no warning, no cleanup, no last words", flush=True
    )


def wait_for_trainings(process: subprocess.Popen[bytes]) -> None:
    """Follow the run through the store, as anybody can while it runs."""
    with Session(store=None) as session:
        while not (runs := session.call(session.store.list_runs(limit=1))):
            if process.poll() is not None:
                raise SystemExit(process.returncode)
            time.sleep(0.05)
        left = set(TRAININGS)
        for event in session.stream_events(runs[0].id):
            if event.kind == Kind.ACTION_PROGRESS and event.payload["current"] >= DEADLY_EPOCH:
                left.discard(event.action or "")
            if not left:
                return
    raise SystemExit("the run has ended before it could be killed")


# -- the evidence -----------------------------------------------------------------------------------------------


def report() -> None:
    """Say which actions were reused, and with which epoch the trainings went on."""
    with Session(store=None) as session:
        resumed, killed = session.call(session.store.list_runs(limit=2))
        progress = session.progress(resumed.id)
        for action in progress.actions:
            events = [session.call(session.store.read(run.id, action=action.name)) for run in (killed, resumed)]
            print(f"  {action.name:<12}{what_became(action, *events)}")
        accuracy = paint("1", f"{progress.result['accuracy']:.1%}")
        print(f"\n  {accuracy} of the images were read rightly")


def what_became(action: ActionProgress, before: list[Event], after: list[Event]) -> str:
    if action.status is ActionStatus.SKIPPED:
        return f"{paint('32', 'reused')}   {action.message}"
    if action.name not in TRAININGS:
        return paint("36", "run")
    saved = next(event.payload["state"]["epoch"] for event in after if event.kind == Kind.ACTION_CHECKPOINT)
    killed, learned = len(list(epochs(before))), len(list(epochs(after)))
    return (
        f"{paint('36', 'went on')}  killed after epoch {killed}, saved after epoch {saved}: "
        f"learned {saved + 1} to {saved + learned}, and 1 to {saved} not again"
    )


def epochs(events: list[Event]) -> Iterator[Event]:
    """A training tells its metrics once an epoch; none of them is lost."""
    return (e for e in events if e.kind == Kind.ACTION_METRICS and e.payload["category"] == "validation")


# -- the terminal -----------------------------------------------------------------------------------------------

SHOW_CURSOR = "\x1b[?25h" if sys.stdout.isatty() else ""
"""A display that is killed cannot give the terminal back itself."""


def synapse(*words: str) -> int:
    """Run a command, and show what it was."""
    show_command(*words)
    return subprocess.run([SYNAPSE, *words], check=False).returncode


def show_command(*words: str) -> None:
    print(f"{paint('2', '$')} {paint('1', ' '.join(['synapse', *words]))}", flush=True)


def tell(text: str) -> None:
    print(f"\n{paint('1;34', text)}\n", flush=True)


def paint(style: str, text: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
