"""The console logger's lines."""

from __future__ import annotations

import io
import re
import sys

import pytest

from synapse_core.loggers import ConsoleLogger
from synapse_core.models import LogLevel


class Console:
    """A console logger with a stream that can be read."""

    def __init__(self, encoding: str = "utf-8", **options):
        self.raw = io.BytesIO()
        self.stream = io.TextIOWrapper(self.raw, encoding=encoding)
        self.log = ConsoleLogger(self.stream, **options)

    @property
    def lines(self) -> list[str]:
        text = self.raw.getvalue().decode(self.stream.encoding)
        return [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]


@pytest.fixture
def console():
    return Console(every=0)


def test_every_kind_has_its_line(console):
    """Logs, messages, metrics and progress, each on one plain line."""
    console.log.info("read %d rows", 3, path="a.csv")
    console.log.log_message("almost there")
    console.log.log_message("careful", "warning")
    console.log.set_metrics({"loss": 0.123456789, "n": 3}, "train")
    console.log.set_metrics({"loss": 1.0})
    console.log.set_progress(1, 1_234_567)
    console.log.set_progress(3, category="files")
    assert console.lines == [
        "INFO     read 3 rows path=a.csv",
        "almost there",
        "WARNING careful",
        "train loss=0.123457 n=3",
        "metrics loss=1",
        "progress 1/1234567 0%",
        "files 3",
    ]


def test_progress_tells_rate_and_time_left(console):
    """From the second report on."""
    console.log.set_progress(0, 100)
    console.log.set_progress(50, 100)
    assert re.fullmatch(r"progress 50/100 50% \S+/s( \d+:\d\d left)", console.lines[-1])


def test_of_much_progress_little_is_written():
    """The first and the last report of each category; in between only as often as was asked for."""
    console = Console(every=3600)
    for name in ("a", "b"):
        for n in range(1001):
            console.log.set_progress(n, 1000, name)
    assert [line.split()[:2] for line in console.lines] == [
        ["a", "0/1000"],
        ["a", "1000/1000"],
        ["b", "0/1000"],
        ["b", "1000/1000"],
    ]


def test_level_is_a_threshold():
    """What is below it is left out; debug is, unless asked for."""
    for level, count in ((LogLevel.DEBUG, 3), ("info", 2), (LogLevel.ERROR, 1)):
        console = Console(level=level)
        console.log.debug("a")
        console.log.info("b")
        console.log.error("c")
        assert len(console.lines) == count


def test_exception_keeps_its_lines(console):
    """A traceback is written as one reads it, indented under its line."""
    try:
        raise ValueError("here")
    except ValueError:
        console.log.exception("failed")
    assert console.lines[0] == "ERROR    failed"
    assert console.lines[1] == "    Traceback (most recent call last):"
    assert console.lines[-1] == "    ValueError: here"


def test_binary_cannot_drive_the_terminal(console):
    """Control characters are written out; a line break cannot pass for a new entry."""
    console.log.info("\x1b[2J\x07\r\x9b\nERROR    forged")
    assert console.lines == ["INFO     \\x1b[2J\\x07\\x0d\\x9b", "    ERROR    forged"]


def test_what_the_stream_cannot_encode_is_escaped():
    """A terminal that knows ASCII only gets ASCII."""
    console = Console(encoding="ascii")
    console.log.info("é %s", "\udcff")
    assert console.lines == ["INFO     \\xe9 \\udcff"]


def test_a_dead_stream_is_survived(console):
    """A closed or broken stream ends the output and nothing else."""
    console.stream.close()
    console.log.info("x")

    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    ConsoleLogger(Broken()).error("x")


def test_no_stream_at_all(monkeypatch):
    """A program without standard error, as windowed ones are, goes on."""
    monkeypatch.setattr(sys, "stderr", None)
    ConsoleLogger().error("x")


def test_standard_error_of_the_moment(capsys):
    """Without a stream it is the standard error of the moment, even a redirected one; results have stdout."""
    ConsoleLogger().info("hello")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("INFO     hello\n")


def test_unknown_kinds_are_ignored(console):
    """Whatever else is emitted has no line."""
    console.log.emit("action.checkpoint", {"state": 1})
    assert console.lines == []


def test_unknown_level_is_refused():
    """A threshold with a typo is the caller's error, told at once."""
    with pytest.raises(ValueError, match="loud"):
        ConsoleLogger(level="loud")
