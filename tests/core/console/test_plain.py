"""A run as lines: what is told, when, and how much of a flood."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from attrs import evolve

from synapse_core.builtin.console.plain import LINES_A_SECOND, PlainDisplay
from synapse_core.builtin.console.throttle import Throttle
from tests.core.console.helpers import START, Story, console_on

NEEDS = {"load": [], "train": ["load"]}


class Lines:
    """A plain display and what it has written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.display = PlainDisplay(console_on(self.stream))

    def told(self) -> list[str]:
        """The lines so far, without their time."""
        return [line[9:] for line in self.stream.getvalue().splitlines()]


def tell(story: Story) -> list[str]:
    lines = Lines()
    lines.display.tell(story.events)
    lines.display.close()
    return lines.told()


def test_each_change_of_state_is_a_line() -> None:
    """The run's start and end, each action's, a retry, a message, a log entry with its data."""
    story = Story(NEEDS)
    story.start("load")
    story.log("got [1] file", action="load", data={"bytes": 12})
    story.add("action.message", "load", payload={"level": "info", "message": "nearly"})
    story.add("action.retrying", "load", 1, payload={"error": "OSError: away", "delay": 2.5})
    story.add("action.started", "load", 4, attempt=2)
    story.add("action.completed", "load", 5, attempt=2)
    story.add("action.skipped", "train", 5, payload={"reason": "not wanted"})
    story.add("run.completed", None, 5)
    assert tell(story) == [
        "digits  ● running  2 actions, run run-1",
        "load    ● running",
        "load    INFO  got [1] file  bytes=12",
        "load    nearly",
        "load    attempt 1 failed, the next one in 2.5s  OSError: away",
        "load    ● running  attempt 2",
        "load    ✓ completed in 5.0s",
        "train   ↷ skipped  not wanted",
        "digits  ✓ completed in 5.0s",
    ]


def test_a_failed_run_tells_its_errors() -> None:
    """Several errors are told again at the end, each in a line; a single one has just been told."""
    story = Story(NEEDS)
    story.start("load")
    story.add("action.failed", "load", 1, payload={"error": "ValueError: no"})
    story.add("run.failed", None, 1, payload={"error": "load: no", "errors": ["load: no", "train: no"]})
    assert tell(story)[2:] == [
        "load    ✗ failed in 1.0s  ValueError: no",
        "digits  ✗ failed in 1.0s",
        "load: no",
        "train: no",
    ]
    story.events[-1] = evolve(story.events[-1], payload={"error": "load: no", "errors": ["load: no"]})
    assert tell(story)[-1] == "digits  ✗ failed in 1.0s"
    del story.events[-2]
    assert tell(story)[-2:] == ["digits  ✗ failed in 1.0s", "load: no"]


def test_a_cancel_is_told() -> None:
    """Who asks for a cancel sees that it was heard."""
    story = Story(NEEDS)
    story.start("load")
    story.add("run.cancel_requested")
    story.add("run.cancelled", None, 1, payload={"error": "cancelled"})
    assert tell(story)[2:] == ["digits  cancelling", "digits  ■ cancelled in 1.0s", "cancelled"]


def test_progress_is_told_now_and_then() -> None:
    """Of a report a tenth of a second, one every five seconds is written; none of an action that is quick."""
    story = Story(NEEDS)
    story.start("load")
    for i in range(160):
        story.add("action.progress", "load", i / 10, payload={"category": None, "current": i, "total": 160})
        story.add("action.metrics", "load", i / 10, payload={"metrics": {"loss": i}})
    lines = [line for line in tell(story) if "%" in line]
    assert [line.split()[1] for line in lines] == ["31%", "62%", "93%"]
    assert lines[0] == "load    31%  10/s  11s left  loss=49"


def test_instances_are_told_as_counts() -> None:
    """Ten thousand instances are a few lines of progress; one that fails is a line of its own."""
    story = Story({"each": []})
    story.start()
    story.add("action.started", "each", payload={"instances": 10_000})
    for i in range(10_000):
        story.add("action.started", f"each[{i}]", i / 1000)
        story.add("action.progress", f"each[{i}]", i / 1000, payload={"current": 1, "total": 2})
        story.add("action.failed" if i == 7 else "action.completed", f"each[{i}]", i / 1000, payload={"error": "no"})
    lines = tell(story)
    assert "each[7]  ✗ failed in 0ms  no" in lines
    assert [line for line in lines if "done" in line] == [
        "each    ● running  0/10000 done",
        "each    49%  5.0s  4999/10000 done, 1 running, 1 failed",
    ]
    assert len(lines) == 4


def test_a_log_entry_of_several_lines() -> None:
    """A table and a traceback keep their lines, below the entry's first; codes are shown, not obeyed."""
    story = Story(NEEDS)
    story.log("table:\n  1 2\n\x1b[2J", "warning", data={"traceback": "Traceback\n  line 1", "n": 1}, action="load")
    assert tell(story) == ["load    WARNING  table:  n=1", "  1 2", "\\x1b[2J", "Traceback", "  line 1"]


def test_debug_is_shown_only_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """SYNAPSE_LOG_LEVEL says what is shown; info and above, if nothing does."""
    story = Story(NEEDS)
    for level in ("debug", "info", "error"):
        story.log(level, level)
    assert [line.split()[1] for line in tell(story)] == ["INFO", "ERROR"]
    monkeypatch.setenv("SYNAPSE_LOG_LEVEL", "debug")
    assert len(tell(story)) == 3
    monkeypatch.setenv("SYNAPSE_LOG_LEVEL", "error")
    assert len(tell(story)) == 1


def test_a_flood_of_log_lines_is_cut() -> None:
    """Of a hundred thousand lines in no time a bounded number is shown; how many are not is told at the end."""
    story = Story(NEEDS)
    story.events = [story.log(f"line {i}") for i in range(100_000)]
    lines = tell(story)
    shown = sum("line " in line and "INFO" in line for line in lines)
    told = sum(int(line.split()[0].replace(",", "")) for line in lines if "more log lines" in line)
    assert shown + told == 100_000
    assert LINES_A_SECOND <= shown <= 20 * LINES_A_SECOND


def test_the_throttle_counts_by_the_second() -> None:
    """So many lines a second; warnings have a count of their own; what was left out is told once a second."""
    clock = [0.0]
    throttle = Throttle(2, clock=lambda: clock[0])
    story = Story(NEEDS)
    info, error = story.log("a"), story.log("b", "error")
    assert [throttle.lets(info) for _ in range(5)] == [True, True, False, False, False]
    assert throttle.lets(error)
    assert throttle.left_out() == 0
    clock[0] = 1.5
    assert throttle.lets(info)
    assert throttle.left_out() == 3
    assert throttle.left_out() == 0
    assert not [throttle.lets(info) for _ in range(3)][-1]
    assert throttle.left_out(at_end=True) == 2


def test_states_as_lines() -> None:
    """Where there are states only, each difference between two is a line, and progress one now and then."""
    story, stream, seconds = Story(NEEDS), io.StringIO(), [0.0]
    display = PlainDisplay(console_on(stream), clock=lambda: START + timedelta(seconds=seconds[0]))

    def update(at: float) -> list[str]:
        seconds[0] = at
        stream.truncate(stream.seek(0))
        display.update(story.state())
        return [line[9:] for line in stream.getvalue().splitlines()]

    story.start("load")
    assert update(0) == ["digits  ● running  2 actions, run run-1", "load    ● running"]
    story.add("action.message", "load", payload={"level": "info", "message": "nearly"})
    assert update(1) == ["load    nearly"]
    assert update(2) == []
    story.add("action.progress", "load", 3, payload={"current": 1, "total": 4})
    assert update(6) == ["load    25%  6.0s  nearly"]
    assert update(7) == []
    story.add("action.completed", "load", 8)
    story.add("action.started", "train", 8)
    assert update(8) == ["load    ✓ completed in 8.0s  nearly", "train   ● running"]
    story.add("run.failed", None, 9, payload={"error": "no"})
    assert update(9) == ["digits  ✗ failed in 9.0s", "no"]
