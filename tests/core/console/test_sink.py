"""The console's sinks, and how they come to a run."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from synapse_core.builtin import console
from synapse_core.builtin.console.sink import ConsoleSink, JsonSink
from synapse_core.events import Event
from synapse_core.protocols import RunInfo, Sink
from tests.core.console.helpers import Story, console_on


def story() -> Story:
    told = Story({"load": []})
    told.start("load")
    told.log("caf\u00e9\n\x00", action="load")
    return told


@pytest.mark.parametrize(
    ("display", "kinds"), [("none", []), ("json", [JsonSink]), ("plain", [ConsoleSink]), ("live", [ConsoleSink])]
)
def test_the_plugin_offers_what_the_run_asks_for(display: str, kinds: list[type]) -> None:
    """A run that is not to be shown gets no sink; the others one each."""
    sinks = list(console.synapse_sinks(RunInfo("run-1", "digits", (), display=display)))  # type: ignore[arg-type]
    assert [type(sink) for sink in sinks] == kinds
    assert all(isinstance(sink, Sink) for sink in sinks)


def test_rich_is_loaded_only_when_there_is_something_to_show() -> None:
    """Neither the plugin nor JSON needs rich."""
    code = (
        "import sys; from synapse_core.builtin.console import synapse_sinks as offer;"
        "from synapse_core.protocols import RunInfo;"
        "[s.write([]) for s in offer(RunInfo('r', 'n', (), display='json'))];"
        "assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_json_is_one_event_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is an event as `Event.to_dict` gives it; what they say is kept to the letter."""
    told = story()
    sink = JsonSink()
    sink.write(told.events)
    sink.close()
    lines = capsys.readouterr().out.splitlines()
    assert [Event.from_dict(json.loads(line)) for line in lines] == told.events


def test_plain_although_live_is_wanted() -> None:
    """On a console that cannot be redrawn a live sink writes lines; in plain mode any console gets them."""
    for display, options in (("live", {}), ("plain", {"force_terminal": True, "color_system": None})):
        stream = io.StringIO()
        sink = ConsoleSink(RunInfo("run-1", "digits", (), display=display), console_on(stream, **options))  # type: ignore[arg-type]
        sink.write(story().events)
        sink.close()
        assert "load    INFO  caf\u00e9\n         \\x00\n" in stream.getvalue()
        assert "\x1b[?25l" not in stream.getvalue()


def test_the_end_says_where_the_files_are(tmp_path: object) -> None:
    """A run that has left files says where; one that has not says nothing."""
    from pathlib import Path

    folder = Path(str(tmp_path))
    for wanted in (False, True):
        if wanted:
            (folder / "actions").mkdir()
            (folder / "actions" / "model.bin").touch()
        stream = io.StringIO()
        sink = ConsoleSink(RunInfo("run-1", "digits", (), work_dir=str(folder), display="plain"), console_on(stream))
        sink.write(story().events)
        sink.close()
        assert (f"files: {folder}" in stream.getvalue()) is wanted


PIPED = """
import sys
from synapse_core.builtin.console import synapse_sinks
from synapse_core.protocols import RunInfo
from tests.core.console.helpers import Story
told = Story({"load": []})
told.start("load")
for sink in synapse_sinks(RunInfo("run-1", "digits", (), display=sys.argv[1])):
    for i in range(300):
        sink.write([told.log(f"line {i} {j} " + "x" * 200) for j in range(20)])
    sink.close()
print("still printing")
sys.stderr.write("done")
"""


@pytest.mark.parametrize("display", ["json", "plain", "live"])
def test_a_reader_that_goes_away_ends_the_output_quietly(display: str) -> None:
    """``| head -1`` gets its line; the program goes on and ends without a word about it."""
    process = subprocess.Popen(
        [sys.executable, "-c", PIPED, display], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == "done"
    assert process.wait(60) == 0
