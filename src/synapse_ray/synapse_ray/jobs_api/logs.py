"""A job's log, to its very last line: `JobLog`.

Ray's own ways to it end early, stop in silence, and give up at a byte that is no UTF-8. So the file itself is read, and
read again for what is new, by offset; so often that it costs a tenth of the time at most, however long the log is.
"""

from __future__ import annotations

import codecs
import io
import time
from collections.abc import Iterator

from attrs import define, field

from synapse_core.errors import ExecutionError
from synapse_ray.errors import RayClusterError
from synapse_ray.jobs_api.dashboard import Dashboard, JobInfo
from synapse_ray.jobs_api.errors import NodeGoneError
from synapse_ray.jobs_api.reading import reader_of

_SHORTEST, _LONGEST = 0.3, 2.0
_AWAY = 60.0
_LATE = 10.0
_HEAD, _OWN = "head", "own"
_TAIL = 16_384
"""Characters of the end of a log that are kept in mind."""


class JobLog:
    """The log of a job: what was said while its environment was set up, and what it printed.

    It begins on the head node, and goes on where the job runs.
    """

    def __init__(self, dashboard: Dashboard, job_id: str) -> None:
        self.job_id = job_id
        self._dashboard = dashboard
        self._name = f"job-driver-{job_id}.log"

    def text(self) -> str:
        """All of it until now.

        Raises:
            JobNotFoundError: there is no such job.
            NodeGoneError: the node with the log is gone.
        """
        info = self._dashboard.job(self.job_id)
        follower = Follower(self)
        return "".join([*follower.fresh(info), *follower.rest(info)])

    def parts(self, info: JobInfo) -> dict[str, bytes]:
        """What there is: the head's, then that of the job's own node."""
        head = self._dashboard.head()
        first = self._dashboard.file(head, self._name) or b"" if head else b""
        if info.node in {None, head}:
            return {_HEAD: first}
        own = self._dashboard.file(str(info.node), self._name) or b""
        if first and own.startswith(first):  # nodes of one machine may have one folder
            return {_HEAD: own}
        return {_HEAD: first, _OWN: own}

    def info(self) -> JobInfo:
        """The job, as it is now."""
        return self._dashboard.job(self.job_id)

    def size(self, info: JobInfo) -> int | None:
        """How long the log is by what the job itself said last; None where it says nothing."""
        reader = reader_of(self._dashboard, info)
        state = reader.state() if reader is not None else None
        return None if state is None else state.log


def _decoder() -> io.IncrementalNewlineDecoder:
    """Bytes to text as Ray reads it: any end of a line is a newline; what is no UTF-8 is escaped."""
    return io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("backslashreplace"), translate=True)


@define
class LogPart:
    """One node's part of the log: how much of it was told, and the end of that."""

    offset: int = 0
    decoder: io.IncrementalNewlineDecoder = field(factory=_decoder)
    unfinished: str = ""
    tail: str = ""

    def take(self, data: bytes) -> list[str]:
        """The lines that are new in all of it; the last stays until it is finished."""
        new, self.offset = data[self.offset :], max(self.offset, len(data))
        text = self.decoder.decode(new)
        self.tail = (self.tail + text)[-_TAIL:]
        *lines, self.unfinished = (self.unfinished + text).split("\n")
        return [f"{line}\n" for line in lines]

    def ends_with(self, message: str) -> bool:
        """Whether that is the last that was said, however its lines end."""
        text = message.replace("\r\n", "\n").replace("\r", "\n").strip()
        return self.tail.rstrip().endswith(text[-_TAIL // 2 :])

    def end(self) -> list[str]:
        """What has no end of line."""
        text, self.unfinished = self.unfinished + self.decoder.decode(b"", final=True), ""
        return [text] if text else []


class Follower:
    """Gives the lines of a log, each once; `pause` says how long to wait before the next look."""

    def __init__(self, log: JobLog, timeout: float | None = None) -> None:
        self._log = log
        self._parts: dict[str, LogPart] = {}
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._timeout = timeout
        self._away: float | None = None
        self._late: float | None = None
        self.pause = 0.0
        self.done = False

    def look(self) -> list[str]:
        """The lines that are new; `done` once there will be no more.

        Raises:
            ExecutionError: the time is up, or there is no such job.
            RayClusterError: the cluster cannot be reached any more, or the log is gone.
        """
        began = time.monotonic()
        if self._deadline is not None and began > self._deadline:
            raise ExecutionError(
                f"the log of the job {self._log.job_id!r} was followed for {self._timeout:g} s, and it still runs",
                hint="give a longer timeout, or stop() it",
            )
        try:
            info = self._log.info()
            lines = self._new(info)
        except NodeGoneError:
            raise
        except RayClusterError:
            self._away = self._away or began
            if not self._parts or began - self._away > _AWAY:
                raise
            self.pause = _LONGEST
            return []
        self._away = None
        self._set_pause(began, bool(lines))
        return lines

    def _new(self, info: JobInfo) -> list[str]:
        """Asked in this order: what a job that has ended printed is all there."""
        size = None if info.ended else self._log.size(info)
        if size is not None and any(part.offset == size for part in self._parts.values()):
            return []
        lines = self.fresh(info)
        if info.ended and self._is_complete(info):
            lines += self.rest(info)
            self.done = True
        return lines

    def fresh(self, info: JobInfo) -> list[str]:
        """The lines that are there and were not told."""
        return [line for name, data in self._log.parts(info).items() for line in self._part(name).take(data)]

    def _part(self, name: str) -> LogPart:
        return self._parts.setdefault(name, LogPart())

    def rest(self, info: JobInfo) -> list[str]:
        """What has no end of line."""
        return [text for part in self._parts.values() for text in part.end()]

    def _is_complete(self, info: JobInfo) -> bool:
        """Ray says that a job has failed, and then writes why into its log."""
        if info.status != "FAILED" or info.exit_code is not None or not info.message:
            return True
        self._late = self._late or time.monotonic() + _LATE
        return any(part.ends_with(info.message) for part in self._parts.values()) or time.monotonic() > self._late

    def _set_pause(self, began: float, busy: bool) -> None:
        cost = 9 * (time.monotonic() - began)
        idle = _SHORTEST if busy else min(_LONGEST, max(_SHORTEST, 1.5 * self.pause))
        self.pause = 0.0 if self.done else max(cost, idle)


def stream(log: JobLog, timeout: float) -> Iterator[str]:
    """The lines of a job's log as they come, until the job has ended and all are told."""
    follower = Follower(log, timeout)
    while not follower.done:
        yield from follower.look()
        time.sleep(follower.pause)
