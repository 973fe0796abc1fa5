"""What a job writes down on its node: `Book`; `synapse_ray.jobs_api.reading` reads it.

A folder in the one that Ray serves its logs from, so that any process that reaches the dashboard can read it for as
long as the node lives. ``state.json`` says how much there is and is replaced as a whole; ``rows-000001``, … have the
action's reports, a batch a line; ``outcome`` is how the attempt ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import evolve, frozen

FOLDER = "synapse-jobs"
FOLDER_KEY = "synapse_folder"
"""In a job's metadata: the name of its folder in `FOLDER`."""

STATE = "state.json"
OUTCOME = "outcome"
ORDER = "order.json"

_PART = 4 * 1024 * 1024
"""Bytes after which a new file is begun: who reads one has all of it in memory."""

_BATCH = 500


def part_name(number: int) -> str:
    """The file that the reports of that part are in."""
    return f"rows-{number:06d}"


@frozen
class State:
    """How far a job is.

    Attributes:
        seq: batches of reports so far; each has its number.
        part, lines: the newest file of reports, counted from 1, and the batches in it.
        beat: rises while the job's process lives.
        log: bytes of the job's log.
        folder: where this is, on the node.
        size, digest: of the outcome, once there is one: bytes, SHA-256.
    """

    seq: int = 0
    part: int = 1
    lines: int = 0
    beat: int = 0
    log: int = 0
    folder: str = ""
    size: int | None = None
    digest: str = ""


class Book:
    """Writes down what a job does.

    Args:
        folder: is made, readable by its owner only.
        log: the job's log.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        self.folder = folder
        self._log = log
        self._state = State(folder=str(folder))
        self._size = 0
        self.tell()

    def add(self, rows: Sequence[Any]) -> None:
        """Write reports, as `synapse_core.worker.crossing.draft_rows` gives them."""
        for first in range(0, len(rows), _BATCH):
            self._add(rows[first : first + _BATCH])

    def _add(self, rows: Sequence[Any]) -> None:
        state = self._state
        if self._size >= _PART:
            state, self._size = evolve(state, part=state.part + 1, lines=0), 0
        line = encoded({"seq": state.seq + 1, "drafts": rows}) + b"\n"
        with (self.folder / part_name(state.part)).open("ab") as file:
            file.write(line)
        self._size += len(line)
        self._state = evolve(state, seq=state.seq + 1, lines=state.lines + 1)

    def tell(self) -> None:
        """Say how far the job is, and that it lives."""
        size = self._log.stat().st_size if self._log.exists() else 0
        self._state = evolve(self._state, beat=self._state.beat + 1, log=size)
        self._replace(STATE, encoded(attrs.asdict(self._state)))

    def end(self, outcome: Mapping[str, Any]) -> None:
        """Write the outcome, as `synapse_core.worker.crossing.outcome_data` gives it, and say that it is there."""
        same = outcome["merges"] is not None and outcome["merges"] == outcome["result"]
        body = encoded({**outcome, "merges": True} if same else outcome)
        self._replace(OUTCOME, body)
        self._state = evolve(self._state, size=len(body), digest=hashlib.sha256(body).hexdigest())
        self.tell()

    def order(self) -> Any:
        """What the job was told last, from elsewhere; None if nothing was."""
        try:
            return json.loads((self.folder / ORDER).read_bytes())
        except FileNotFoundError:
            return None

    def _replace(self, name: str, body: bytes) -> None:
        draft = self.folder / f".{name}"
        draft.write_bytes(body)
        draft.replace(self.folder / name)


def encoded(value: Any) -> bytes:
    """JSON; any text survives, halves of surrogate pairs too."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
    return text.encode("utf-8", "surrogatepass")


def decoded(body: bytes) -> Any:
    """The value that `encoded` gave ``body`` for."""
    return json.loads(body.decode("utf-8", "surrogatepass"))
