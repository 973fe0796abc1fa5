"""`display_progress`: shows the states that a run goes through, wherever they come from."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from synapse_core.builtin.console.display import Display, display_on
from synapse_core.models import PipelineProgress

if TYPE_CHECKING:
    from rich.console import Console


def display_progress(states: Iterable[PipelineProgress], console: Console | None = None) -> PipelineProgress:
    """Show states as they come, until they end; returns the last one.

    Args:
        states: of one run, as `Session.stream_progress` gives them.
        console: where to; standard output if None. Where that is no terminal, each change is a line.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the terminal was given back. The run goes on: cancelling is the caller's.
    """
    last = PipelineProgress()
    with _display(console) as display:
        for last in states:
            display.update(last)
    return last


async def display_progress_async(
    states: AsyncIterable[PipelineProgress], console: Console | None = None
) -> PipelineProgress:
    """As `display_progress`, for an async iterable."""
    last = PipelineProgress()
    with _display(console) as display:
        async for last in states:
            display.update(last)
    return last


@contextmanager
def _display(console: Console | None) -> Iterator[Display]:
    display = display_on(console)
    try:
        yield display
    finally:
        display.close()
