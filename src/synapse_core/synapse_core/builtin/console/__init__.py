"""The console: shows runs in the terminal; a plugin registered like anyone's.

rich is imported when there is a run to show, not before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from synapse_core.builtin.console.follow import display_progress, display_progress_async
from synapse_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from synapse_core.protocols import RunInfo, Sink

__all__ = ["display_progress", "display_progress_async"]


@hookimpl
def synapse_sinks(run: RunInfo) -> Iterable[Sink]:
    """A sink for a run that is to be shown."""
    from synapse_core.builtin.console.sink import ConsoleSink, JsonSink

    if run.display == "none":
        return []
    return [JsonSink()] if run.display == "json" else [ConsoleSink(run)]
