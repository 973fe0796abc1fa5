"""What shows a run, behind one protocol; `LiveDisplay` and `PlainDisplay` do it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from synapse_core.events import Event
    from synapse_core.models import PipelineProgress


class Display(Protocol):
    """Shows one run; used from one thread at a time."""

    def tell(self, events: Iterable[Event]) -> None:
        """What has happened."""

    def update(self, progress: PipelineProgress) -> None:
        """The state now, for whoever has no events."""

    def close(self) -> None:
        """There is no more to show: leave the last picture standing and give the terminal back."""


def display_on(console: Console | None, *, live: bool = True, work_dir: str | None = None) -> Display:
    """The display for a console, standard output if None: a live one if that is wanted, and possible there.

    ``work_dir`` is the run's folder: where its files are is told at the end.
    """
    from synapse_core.builtin.console.live import LiveDisplay
    from synapse_core.builtin.console.plain import PlainDisplay
    from synapse_core.builtin.console.terminal import can_redraw, terminal

    found = console or terminal()
    redraws = found.is_interactive if console else can_redraw(found)
    return LiveDisplay(found, work_dir) if live and redraws else PlainDisplay(found, work_dir)


def note_on(work_dir: str | None) -> str:
    """Where a run's files are, if it has left any."""
    if work_dir is None or not any(path.is_file() for path in Path(work_dir).rglob("*")):
        return ""
    return f"files: {work_dir}"
