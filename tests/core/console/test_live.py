"""The live picture on a real terminal."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.core.console.helpers import without_codes
from tests.core.console.terminals import Terminal

SETTING = """
    import sys, threading
    from synapse_core.builtin.console.sink import ConsoleSink
    from synapse_core.protocols import RunInfo
    from tests.core.console.helpers import Story

    def sink(story):
        return ConsoleSink(RunInfo(story.run_id, "digits", (), display="live"))
"""

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


def program(text: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(SETTING) + textwrap.dedent(text)]


def test_the_last_picture_stays_and_the_terminal_is_given_back() -> None:
    """While the run goes on frames are drawn over each other; the last one stays, and the cursor is back."""
    text = """
        story = Story({"load": [], "train": ["load"]})
        story.start("load")
        shown = sink(story)
        shown.write(story.events)
        sys.stdin.readline()
        n = len(story.events)
        story.add("action.completed", "load", 2)
        story.log("epoch [1] done", "warning")
        story.add("action.failed", "train", 3, payload={"error": "ValueError: no"})
        story.add("run.failed", None, 3, payload={"error": "train: ValueError: no"})
        shown.write(story.events[n:])
        shown.close()
        print("after")
    """
    with Terminal(program(text)) as terminal:
        terminal.read_until("running")
        assert HIDE_CURSOR in terminal.output
        terminal.type("\n")
        assert terminal.wait() == 0
        assert terminal.output.index(SHOW_CURSOR) < terminal.output.index("after")
        lines = [line for line in terminal.screen if line]
    assert lines[0].endswith("train  WARNING  epoch [1] done")
    assert lines[1].startswith("digits  run-1  failed  3.0s")
    assert lines[2].startswith("✓ load   completed")
    assert lines[3] == "✗ train  failed     ValueError: no"
    assert lines[4:] == ["✗ failed in 3.0s", "  train: ValueError: no", "after"]


def test_what_actions_print_stands_above() -> None:
    """Printed lines, from several threads at once, stay whole and in order; colours may stay, codes not."""
    text = """
        story = Story({"load": []})
        story.start("load")
        shown = sink(story)
        shown.write(story.events)
        def work(name):
            for i in range(500):
                print(name, i, "end")
        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print("\\x1b[32mgreen\\x1b[0m \\x1b[2Jnot cleared", file=sys.stderr)
        print("10%\\r20%\\r30%")
        print("no end of line", end="")
        shown.close()
        assert sys.stdout is sys.__stdout__ and sys.stderr is sys.__stderr__
    """
    with Terminal(program(text)) as terminal:
        assert terminal.wait() == 0
        assert "\x1b[32mgreen\x1b[0m \\x1b[2Jnot cleared" in terminal.output
        lines = terminal.screen
    for name in "ab":
        assert [line for line in lines if line.startswith(f"{name} ")] == [f"{name} {i} end" for i in range(500)]
    assert "30%" in lines
    assert "10%" not in lines
    assert "no end of line" in lines


def test_who_keeps_the_stream_can_go_on_writing() -> None:
    """A log handler made in an action outlives the display, and a forked child has none: both write all the same."""
    text = """
        import logging, os
        story = Story({"load": []})
        story.start("load")
        shown = sink(story)
        shown.write(story.events)
        handler = logging.StreamHandler()
        handler.emit(logging.makeLogRecord({"msg": "during"}))
        child = os.fork()
        if not child:
            for i in range(30_000):
                print("child", i, "x" * 50)
            sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        shown.close()
        handler.emit(logging.makeLogRecord({"msg": "afterwards"}))
    """
    with Terminal(program(text)) as terminal:
        assert terminal.wait() == 0
        shown = without_codes(terminal.output)
    assert "during" in shown
    assert "child 29999" in shown
    assert "afterwards" in shown


def test_a_flood_of_log_lines_does_not_drown_the_terminal() -> None:
    """Of a hundred thousand lines some are shown, and how many are not is said."""
    text = """
        story = Story({"load": []})
        story.start("load")
        shown = sink(story)
        shown.write(story.events)
        shown.write([story.log(f"line {i}.") for i in range(100_000)])
        story.add("action.completed", "load", 2)
        story.add("run.completed", None, 2)
        shown.write(story.events[-2:])
        shown.close()
    """
    with Terminal(program(text)) as terminal:
        assert terminal.wait() == 0
        lines = terminal.screen
    shown = sum("INFO  line" in line for line in lines)
    told = [line.split()[0] for line in lines if "more log lines" in line]
    assert 50 <= shown <= 5_000
    assert sum(int(number.replace(",", "")) for number in told) + shown == 100_000


def test_two_runs_share_a_terminal() -> None:
    """Runs that are live at once are drawn below each other; each leaves its last picture when it ends."""
    text = """
        first, second = Story({"load": []}, "first", "r1"), Story({"load": []}, "second", "r2")
        sinks = [sink(first), sink(second)]
        for story, shown in zip((first, second), sinks):
            story.start("load")
            shown.write(story.events)
        sys.stdin.readline()
        for story, shown in zip((first, second), sinks):
            story.add("run.completed", None, 2)
            shown.write(story.events[-1:])
            shown.close()
    """
    with Terminal(program(text)) as terminal:
        terminal.read_until("second")
        terminal.read_until("first")
        terminal.type("\n")
        assert terminal.wait() == 0
        lines = [line for line in terminal.screen if line]
    for name, three in (("first  r1", lines[:3]), ("second  r2", lines[3:])):
        assert three[0].startswith(f"{name}  completed")
        assert "load  running" in three[1]
        assert three[2] == "✓ completed in 2.0s"
    assert terminal.output.count(HIDE_CURSOR) == terminal.output.count(SHOW_CURSOR)


def test_a_terminal_that_goes_away_stops_nothing() -> None:
    """When the terminal is closed the program runs on to its end."""
    text = """
        import os, signal, pathlib
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        story = Story({"load": []})
        story.start("load")
        shown = sink(story)
        shown.write(story.events)
        try:
            sys.stdin.readline()
        except OSError:
            pass
        for i in range(1000):
            print("line", i, "x" * 10_000)
        shown.close()
        os.write(int(sys.argv[1]), b"done")
    """
    import os

    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    terminal = Terminal([*program(text), str(writer)], pass_fds=(writer,))
    os.close(writer)
    terminal.read_until("running")
    terminal.hang_up()
    assert os.read(reader, 10) == b"done"
    terminal.process.wait(30)
    os.close(reader)


def test_no_picture_without_a_terminal() -> None:
    """A pipe, a dumb terminal and a CI's log get lines."""
    text = """
        story = Story({"load": []})
        story.start("load")
        shown = sink(story)
        shown.write(story.events)
        shown.close()
    """
    piped = subprocess.run(program(text), capture_output=True, text=True, check=True, timeout=60)
    assert [line[9:] for line in piped.stdout.splitlines()] == [
        "digits  ● running  1 action, run run-1",
        "load    ● running",
    ]
    for env, mark in (({"TERM": "dumb"}, "*"), ({"CI": "true"}, "●")):
        with Terminal(program(text), env=env) as terminal:
            assert terminal.wait() == 0
            assert HIDE_CURSOR not in terminal.output
            assert f"load    {mark} running" in without_codes(terminal.output)
