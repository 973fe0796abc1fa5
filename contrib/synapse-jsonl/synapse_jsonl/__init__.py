"""Writes the events of runs to JSON Lines files: set ``SYNAPSE_JSONL`` to a file, or to a folder for a file a run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from synapse_core import hookimpl
from synapse_core.events import Event
from synapse_core.protocols import RunInfo

__version__ = "0.1.0"


class JsonLines:
    """A sink that appends a run's events to a file, one a line; what was written is there if the program dies."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def write(self, events: Sequence[Event]) -> None:
        # One write a batch, so that runs which share a file do not write into each other's lines.
        self._file.write("".join(f"{json.dumps(event.to_dict())}\n" for event in events).encode())
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@hookimpl
def synapse_sinks(run: RunInfo) -> list[JsonLines]:
    """Write this run's events where ``SYNAPSE_JSONL`` says; nothing is written where it is not set."""
    where = os.environ.get("SYNAPSE_JSONL")
    if not where:
        return []
    folder = where.endswith("/") or Path(where).is_dir()
    return [JsonLines(Path(where, f"{run.run_id}.jsonl") if folder else Path(where))]
