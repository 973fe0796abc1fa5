"""`ConsoleSink`: shows a run in the terminal, as `RunInfo.display` says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synapse_core.builtin.console.display import Display, display_on
from synapse_core.builtin.console.output import drop_output, own_output
from synapse_core.events import Event, Kind
from synapse_core.protocols import RunInfo

if TYPE_CHECKING:
    from rich.console import Console

_SAID = (Kind.ACTION_LOG, Kind.ACTION_MESSAGE, Kind.ACTION_RETRYING)


class ConsoleSink:
    """Shows a run: ``live`` redraws (plain lines, where standard output is no terminal), ``plain`` writes lines.

    rich is imported with the first events, on the sink's thread: that takes longer than starting a run, which goes on.

    Args:
        run: the run.
        console: where to; standard output if None.
    """

    def __init__(self, run: RunInfo, console: Console | None = None) -> None:
        self._run = run
        self._console = console
        self._display: Display | None = None

    def write(self, events: Sequence[Event]) -> None:
        """Show what has happened; what a run that is recovered has said long ago is not said again."""
        if self._display is None:
            self._display = display_on(self._console, live=self._run.display == "live", work_dir=self._run.work_dir)
        self._display.tell(event for event in events if event.kind not in _SAID or event.seq > self._run.known)

    def close(self) -> None:
        """Leave the last picture standing."""
        if self._display is not None:
            self._display.close()


class JsonSink:
    """Writes each event as a line of JSON to standard output; ends quietly when its reader has gone."""

    def __init__(self) -> None:
        self._stream = own_output()
        self._open = True

    def write(self, events: Sequence[Event]) -> None:
        """Write and flush."""
        if not self._open:
            return
        try:
            self._stream.write("".join(f"{json.dumps(event.to_dict())}\n" for event in events))
            self._stream.flush()
        except BrokenPipeError:
            self._open = False
            drop_output()

    def close(self) -> None:
        """Nothing is kept back."""
