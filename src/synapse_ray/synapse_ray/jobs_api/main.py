"""What a job runs: ``python -m synapse_ray.jobs_api.main NAME``, with the call in the package of that name.

The action has a process of its own under this one, which passes on what it prints to the job's log, writes down what
it reports, ends it when it is told to, and says how it ended, whatever became of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from synapse_core.builtin.process.supervise import Supervised
from synapse_core.errors import SynapseError
from synapse_core.protocols import Call, Outcome
from synapse_core.worker import Reporter
from synapse_core.worker.crossing import draft_rows, outcome_data
from synapse_ray.environ import unpacked
from synapse_ray.jobs_api.book import FOLDER, Book
from synapse_ray.jobs_api.ending import Ending
from synapse_ray.jobs_api.parcel import Parcel
from synapse_ray.worker.where import sought_here

_FLUSH = 0.2
_BEAT = 1.0
_LINGER = 5.0


def main(name: str) -> int:
    """Run the call; the exit code."""
    log = log_file()
    parcel = Parcel.unpacked(name)
    return Job(unpacked(parcel.call), Book(log.parent / FOLDER / name, log), parcel.grace).run()


def log_file() -> Path:
    """The job's log, which Ray made this process's output; what stands beside it can be read by the dashboard.

    Raises:
        SynapseError: this is no job of Ray's.
    """
    with contextlib.suppress(OSError):
        path = Path(_path_of(sys.__stdout__.fileno() if sys.__stdout__ else 1))
        if path.name.startswith("job-driver-"):
            return path
    raise SynapseError("this is no job of Ray's Jobs API: its output does not go to a file of Ray's log folder")


def _path_of(fd: int) -> str:
    if sys.platform == "darwin":
        import fcntl

        return fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0").decode()
    return str(Path(f"/proc/self/fd/{fd}").readlink())


class Job:
    """One call in this job.

    Args:
        call: the call.
        book: where it is written down what happens.
        grace: seconds between a stop from outside and the end by force.
    """

    def __init__(self, call: Call, book: Book, grace: float) -> None:
        self._book = book
        self._wake = threading.Event()
        self._done = threading.Event()
        self._reporter = Reporter(call.action, call.attempt, self._wake.set)
        self._process = Supervised(call, self._reporter, _LINGER, echo=_echo)
        self._ending = Ending(self._process, grace)
        self._told_at = time.monotonic()
        self._broken: Exception | None = None

    def run(self) -> int:
        """Run it to its end; the exit code."""
        signal.signal(signal.SIGTERM, self._ending.stopped)
        pump = threading.Thread(target=self._pump, name="synapse-reports", daemon=True)
        pump.start()
        outcome = sought_here(self._process.run())
        self._done.set()
        self._wake.set()
        pump.join()
        if self._broken is not None:
            raise self._broken
        self._flush()
        self._book.end(outcome_data(outcome))
        return _exit_code(outcome)

    def _pump(self) -> None:
        try:
            while not self._done.is_set():
                self._wake.wait(_FLUSH)
                self._wake.clear()
                self._flush()
                self._ending.look(self._book.order())
        except Exception as error:  # noqa: BLE001  a disk that is full, say: what cannot be written down must not go on
            self._broken = error
            self._reporter.close()
            self._process.kill()

    def _flush(self) -> None:
        drafts = self._reporter.drain()
        self._book.add(draft_rows(drafts))
        if drafts or time.monotonic() - self._told_at > _BEAT:
            self._book.tell()
            self._told_at = time.monotonic()


def _echo(chunk: bytes) -> None:
    """Pass on what the action prints, as it is."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(1, rest) :]


def _exit_code(outcome: Outcome) -> int:
    if outcome.status == "completed":
        return 0
    failure: Any = outcome.failure
    if failure is not None:
        text = failure.traceback or f"{failure.type}: {failure.message}"
        _echo(f"{text.rstrip()}\n".encode("utf-8", "backslashreplace"))
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except SynapseError as problem:
        sys.exit(f"{type(problem).__name__}: {problem}")
