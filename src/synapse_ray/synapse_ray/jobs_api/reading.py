"""Reading what a job has written down on its node, from anywhere: `BookReader`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from synapse_core.errors import ExecutionError
from synapse_core.events import Draft
from synapse_core.protocols import Outcome
from synapse_core.worker.crossing import drafts_of, outcome_of
from synapse_ray.jobs_api.book import FOLDER, FOLDER_KEY, OUTCOME, STATE, State, decoded, part_name

if TYPE_CHECKING:
    from synapse_ray.jobs_api.dashboard import Dashboard, JobInfo

_SLACK = 8
"""More lines than were said to be new are asked for: others may have been written since."""


_CHANGED = "ask again; where it stays so, those files were changed or cut on their node: submit the action anew"


class Fetch(Protocol):
    """Reads a file of a job's folder: its last ``lines`` lines, all if -1; None where there is no such file."""

    def __call__(self, name: str, lines: int = -1) -> bytes | None:
        """Read it."""


class BookReader:
    """Reads reports in order, each once, and the outcome.

    Args:
        fetch: reads a file of the job's folder.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._part = 1
        self._seq = 0

    def state(self) -> State | None:
        """How far the job is; None before it has begun."""
        body = self._fetch(STATE)
        return State(**decoded(body)) if body else None

    def drafts(self, state: State) -> Iterator[list[Draft]]:
        """What the action has reported since the last call, batch by batch.

        Raises:
            ExecutionError: a part of it cannot be read.
        """
        while self._seq < state.seq:
            missing = state.seq - self._seq
            few = self._part == state.part and missing + _SLACK < state.lines
            rows = self._rows(missing + _SLACK if few else -1)
            if few and rows and rows[0]["seq"] > self._seq + 1:  # more were written meanwhile than allowed for
                rows = self._rows(-1)
            for row in rows:
                if row["seq"] == self._seq + 1:
                    self._seq = row["seq"]
                    yield drafts_of(row["drafts"])
            self._turn(state)

    def _turn(self, state: State) -> None:
        """Go on to the next part, if there is one."""
        if self._part < state.part:
            self._part += 1
        elif self._seq < state.seq:
            raise ExecutionError(
                f"of {state.seq} batches of reports only {self._seq} can be read in {state.folder}", hint=_CHANGED
            )

    def _rows(self, lines: int) -> list[Any]:
        body = self._fetch(part_name(self._part), lines) or b""
        return [decoded(line) for line in body.split(b"\n")[:-1]]  # what stands behind the last newline is unfinished

    def outcome(self, state: State) -> Outcome:
        """How the attempt ended; ``state`` says that it has.

        Raises:
            ExecutionError: it did not arrive as it was written.
        """
        body = self._fetch(OUTCOME) or b""
        if hashlib.sha256(body).hexdigest() != state.digest:
            raise ExecutionError(
                f"of a result of {state.size} bytes {len(body)} arrived, or others: {state.folder}", hint=_CHANGED
            )
        data = decoded(body)
        return outcome_of({**data, "merges": data["result"]} if data["merges"] is True else data)


def reader_of(dashboard: Dashboard, info: JobInfo) -> BookReader | None:
    """Reads what a job has written down; None where it has no node yet, or was not submitted by Synapse."""
    node, folder = info.node, info.metadata.get(FOLDER_KEY)
    if node is None or not folder:
        return None
    return BookReader(lambda name, lines=-1: dashboard.file(node, f"{FOLDER}/{folder}/{name}", lines))
