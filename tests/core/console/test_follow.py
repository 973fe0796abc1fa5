"""`display_progress`: states from anywhere, shown."""

from __future__ import annotations

import asyncio
import io
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator

import pytest

from synapse_core.builtin.console import display_progress, display_progress_async
from synapse_core.models import PipelineProgress, RunStatus
from tests.core.console.helpers import Story, console_on, without_codes
from tests.core.console.terminals import Terminal


def states() -> Iterator[PipelineProgress]:
    story = Story({"load": []})
    story.start("load")
    yield story.state()
    story.add("action.completed", "load", 1)
    story.add("run.completed", None, 1)
    yield story.state()


def test_the_last_state_is_returned() -> None:
    """Every change is shown, and the final state comes back."""
    stream = io.StringIO()
    last = display_progress(states(), console_on(stream))
    assert last.status is RunStatus.COMPLETED
    assert "load    ✓ completed in 1.0s" in stream.getvalue()
    assert display_progress([], console_on(io.StringIO())) == PipelineProgress()


def test_states_that_come_asynchronously() -> None:
    """The async twin shows the same."""

    async def source() -> AsyncIterator[PipelineProgress]:
        for state in states():
            await asyncio.sleep(0)
            yield state

    stream = io.StringIO()
    last = asyncio.run(display_progress_async(source(), console_on(stream)))
    assert last.status is RunStatus.COMPLETED
    assert "digits  ✓ completed in 1.0s" in stream.getvalue()


def test_a_source_that_fails_is_not_hidden() -> None:
    """What the source raises is raised, after the display was closed."""

    def broken() -> Iterator[PipelineProgress]:
        yield next(states())
        raise ConnectionError("gone")

    stream = io.StringIO()
    with pytest.raises(ConnectionError, match="gone"):
        display_progress(broken(), console_on(stream, force_terminal=True))
    assert stream.getvalue().rstrip("\r").endswith("\x1b[?25h")


def test_ctrl_c_leaves_the_terminal_clean() -> None:
    """Ctrl-C ends the display, not the words on it: cursor and streams are back, and it is raised on."""
    program = """
        import sys, time
        from synapse_core.builtin.console import display_progress
        from tests.core.console.helpers import Story

        def states():
            story = Story({"load": []})
            story.start("load")
            yield story.state()
            time.sleep(60)

        try:
            display_progress(states())
        except KeyboardInterrupt:
            assert sys.stdout is sys.__stdout__
            print("interrupted")
    """
    with Terminal([sys.executable, "-c", textwrap.dedent(program)]) as terminal:
        terminal.read_until("running")
        terminal.interrupt()
        assert terminal.wait() == 0
        assert terminal.output.rindex("\x1b[?25h") < terminal.output.index("interrupted")
        assert "load  running" in without_codes(terminal.output)
