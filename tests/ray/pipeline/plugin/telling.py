"""A plugin whose sink writes down what it is told of runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from synapse_core import hookimpl


@frozen
class FileSink:
    """Writes the kinds of a run's events into a file in the run's folder."""

    path: Path

    def write(self, events: Sequence[Any]) -> None:
        """See `Sink.write`."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{event.kind}\n" for event in events)

    def close(self) -> None:
        """Nothing is kept open."""


@hookimpl
def synapse_sinks(run: Any) -> list[FileSink]:
    """One for every run."""
    folder = Path(os.environ["SYNAPSE_HOME"])
    return [FileSink(folder / f"told-{run.run_id}")]
