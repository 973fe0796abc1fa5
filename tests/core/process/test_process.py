"""The process executor, beyond the contract: what it starts, how it talks, and what it leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core import ExecutionError, Node, ProcessExecutor, Retry, RunCancelledError, Session
from synapse_core.builtin.process import frames
from synapse_core.builtin.process.output import Lines
from synapse_core.builtin.process.supervise import Supervised
from synapse_core.builtin.process.tree import MARKER, end_tree, marked
from synapse_core.events import Kind
from synapse_core.testing import actions, wait_until
from synapse_core.testing.executor.rules import call_of, expect, finished
from synapse_core.testing.processes import alive, is_alive
from synapse_core.worker import Reporter
from tests.core.engine.helpers import act, events_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


# -- what parent and child say to each other ----------------------------------------------------------------------


@given(st.lists(json_values, max_size=6), st.data())
def test_frames_come_through_however_they_are_cut(values: list[Any], data: st.DataObject):
    """Any JSON values, in any chunks."""
    stream = b"".join(frames.encode(value) for value in values)
    decoder, found = frames.Decoder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    assert found == [json.loads(json.dumps(value).encode("utf-8", "backslashreplace")) for value in values]


def test_a_frame_over_a_pipe():
    """Larger than the pipe holds; its end is told."""
    reading, writing = os.pipe()

    def write() -> None:
        frames.write(writing, {"blob": "x" * 500_000})
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as pipe:
        assert frames.read(pipe) == {"blob": "x" * 500_000}
        with pytest.raises(EOFError):
            frames.read(pipe)
    thread.join()


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_output_is_logged_whatever_it_is(chunks: list[bytes]):
    """Line by line, as the whole would be: bytes that are no text are escaped, and none is lost."""
    reporter = Reporter("a", 1, lambda: None)
    lines = Lines(reporter, "stdout")
    for chunk in chunks:
        lines.feed(chunk)
    lines.close()
    told = [draft.payload["message"] for draft in reporter.drain()]
    *whole, rest = b"".join(chunks).decode("utf-8", "backslashreplace").split("\n")
    assert told == [line.rstrip("\r") for line in [*whole, *([rest] if rest else [])]]


def test_a_line_without_end_is_cut_in_pieces():
    """Memory stays bounded; all of it is there."""
    reporter = Reporter("a", 1, lambda: None)
    lines = Lines(reporter, "stdout")
    for _ in range(10):
        lines.feed(b"x" * 10_000)
    lines.close()
    told = [draft.payload["message"] for draft in reporter.drain()]
    assert "".join(told) == "x" * 100_000
    assert max(map(len, told)) <= 16 * 1024


def test_what_is_printed_can_be_passed_on():
    """Byte by byte as it came, beside the log events that are made of it."""
    echoed, reporter = bytearray(), Reporter("print_binary", 1, lambda: None)
    outcome = Supervised(call_of(actions.print_binary), reporter, 5.0, echo=echoed.extend).run()
    assert outcome.result == {"printed": True}
    assert b"\x00\xff\xfe binary \x80" in echoed
    assert b"\xc3( to stderr, and no end of line" in echoed
    assert any(draft.payload["message"] == "before" for draft in reporter.drain())


# -- trees of processes -------------------------------------------------------------------------------------------


def test_only_what_belongs_to_it_is_ended():
    """Another attempt's processes and this one's are not touched."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    mine = subprocess.Popen(sleeping, env=marked("mine"), start_new_session=True)
    inner = subprocess.Popen(sleeping, env={**os.environ, MARKER: "mine:inner"}, start_new_session=True)
    others = [subprocess.Popen(sleeping, env=marked("other")), subprocess.Popen(sleeping)]
    try:
        end_tree(mine.pid, "mine")
        assert inner.wait(30) == -signal.SIGKILL
        assert mine.poll() is None, "the process itself is its caller's to end"
        assert [other.poll() for other in others] == [None, None]
    finally:
        for process in (mine, *others):
            process.kill()
            process.wait()


# -- attempts -----------------------------------------------------------------------------------------------------


def run(action: Any, params: Any = None, **options: Any) -> Any:
    async def main() -> Any:
        executor = ProcessExecutor(**options)
        try:
            return await finished(executor, call_of(action, params))
        finally:
            await executor.aclose()

    return asyncio.run(main())


def test_a_child_that_died_leaves_its_last_words(session: Session):
    """A fault in native code shows where it was: what it printed last is in the traceback and in the log."""
    with pytest.raises(ExecutionError, match=r"SIGSEGV.*fault in native code") as caught:
        session.execute([actions.segfault], executor="process")
    assert "string_at" in caught.value.traceback
    lines = [event.payload["message"] for event in events_of(session, caught.value.run_id, Kind.ACTION_LOG)]
    assert any("Segmentation fault" in line for line in lines)


def test_what_writes_into_our_pipes_is_survived():
    """An action that writes nonsense to every file that is open fails alone, and is said to have done so."""
    done = run(actions.scribble)
    expect(done.outcome, "died", "WorkerDiedError", "cannot be read")


def test_an_action_that_closes_every_file_is_survived():
    """As a daemon would: there is no pipe left to report on."""
    done = run(actions.close_everything)
    assert done.outcome.status == "died"


def test_an_action_that_another_process_cannot_find_says_so(session: Session):
    """Defined in a function: it is told what to do, and nothing is started."""
    with pytest.raises(ExecutionError, match=r"'.*<locals>.*'.*no other process can find it(.|\n)*executor 'local'"):
        session.execute([act("local_only")], executor="process")


def test_large_params_do_not_hold_up_a_cancel(session: Session, tmp_path: Path):
    """Nor anything else: they are told by a thread of their own."""
    params = {"blob": "x" * 20_000_000, "started": str(tmp_path / "started")}
    run_id = session.submit([actions.wait], params, executor="process")
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)


def test_a_child_that_outlives_nobody(tmp_path: Path):
    """The engine's process is killed: its child, and all that the child started, are gone too."""
    pids = tmp_path / "pids"
    program = f"""
        from synapse_core import ActionPipeline
        from synapse_core.testing import actions
        ActionPipeline([actions.spawn_children]).execute({{"pids": {str(pids)!r}, "hang": True}}, executor="process")
    """
    env = {**os.environ, "SYNAPSE_HOME": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], env=env)
    try:
        wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 4, "the children")
        assert len(alive(pids.read_text())) == 4
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not alive(pids.read_text()), "all of them to be gone")


def test_processes_within_processes_are_ended_too(session: Session, tmp_path: Path):
    """An action that runs others in processes of their own."""
    started = tmp_path / "started"
    run_id = session.submit([actions.nested], {"started": str(started)}, executor="process", grace=0.05)
    pid = int(wait_until(lambda: started.exists() and started.read_text()))
    session.cancel(run_id)
    with pytest.raises(RunCancelledError):
        session.wait(run_id)
    wait_until(lambda: not is_alive(pid), "the innermost process to be gone")


def test_a_fanout_has_a_process_for_each_instance(session: Session, tmp_path: Path):
    """And no more at once than there are workers."""
    node = Node(actions.describe, each="n in numbers", retry=Retry(max_attempts=1))
    results = session.execute([node], {"numbers": [1, 2, 3]}, executor="process", options={"workers": 2})
    assert len({result["pid"] for result in results}) == 3
    assert os.getpid() not in {result["pid"] for result in results}
    assert len({result["work_dir"] for result in results}) == 3


def test_the_child_has_this_pythons_modules_and_nothing_from_the_working_directory(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file there that is called like one of the library's is not imported in its place."""
    for name in ("json", "attrs", "selectors", "synapse_core"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    assert session.execute([actions.echo], {"a": 1}, executor="process") == {"a": 1}


@pytest.mark.slow
def test_a_result_of_fifty_megabytes(session: Session):
    """Comes back whole."""
    result = session.execute([actions.big], {"size": 50_000_000}, executor="process")
    assert len(result["blob"]) == 50_000_000


MEASURE = """
import resource, sys
from synapse_core import ActionPipeline, Session
from synapse_core.events import Kind
from synapse_core.testing import actions

lines, printed, executor = int(sys.argv[1]), sys.argv[2] == "printed", sys.argv[3]

def most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

with Session(entry_points=False) as session:
    def flood(count):
        run_id = session.submit([actions.flood], {"lines": count, "printed": printed}, executor=executor)
        progress = session.wait(run_id)
        return run_id, progress
    flood(200_000)
    before = most()
    run_id, progress = flood(lines)
    grown = most() - before
    last = session.call(session.store.read(run_id, after=progress.seq - 5, kinds=[Kind.ACTION_LOG]))
    first = session.call(session.store.read(run_id, kinds=[Kind.ACTION_LOG], limit=1))
    print(progress.status, progress.seq, first[0].payload["message"], last[-1].payload["message"], grown)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("how", "executor"), [("logged", "local"), ("logged", "process"), ("printed", "process")])
def test_a_million_lines_are_all_kept_and_memory_does_not_grow(tmp_path: Path, how: str, executor: str):
    """What an action logs or prints goes to a file, and the action is held back; it costs no memory."""
    env = {**os.environ, "SYNAPSE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", MEASURE, "1000000", how, executor]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=110, check=True)
    status, seq, _, first, _, last, grown = done.stdout.split()
    assert (status, int(seq), int(first), int(last)) == ("completed", 1_000_005, 0, 999_999)
    assert int(grown) < 60_000, f"{int(grown) / 1024:.0f} MB more"
