"""A run's picture: what it says, at any width, with any characters."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from synapse_core.builtin.console.view import RunView
from synapse_core.models import ActionProgress, ActionStatus, CategoryProgress, PipelineProgress, RunStatus
from tests.core.console.helpers import START, Story, rendered

NEEDS = {"convert": [], "train": ["convert"], "train-2": ["convert"], "evaluate": ["train", "train-2"]}
AT = START + timedelta(seconds=12)


def story() -> Story:
    told = Story(NEEDS)
    told.start("convert")
    told.add("action.completed", "convert", 2.6)
    for action in ("train", "train-2"):
        told.add("action.started", action, 3)
        told.add("action.progress", action, 3, payload={"category": "epoch", "current": 0, "total": 100})
        told.add("action.progress", action, 8, payload={"category": "epoch", "current": 62, "total": 100})
    told.add("action.metrics", "train", 8, payload={"metrics": {"loss": 0.123456, "accuracy": 0.94}})
    told.add("action.message", "train", 8, payload={"level": "info", "message": "a [bold]good[/bold]\nstart"})
    return told


def shown(state: PipelineProgress, width: int = 120, **options: object) -> list[str]:
    return rendered(RunView(state, at=AT, **options), width)  # type: ignore[arg-type]


def row(lines: list[str], action: str) -> str:
    return next(line for line in lines if f" {action} " in f"{line} ")


def test_a_row_tells_all_there_is() -> None:
    """State, bar, percent, rate, time left, category, metrics and message of a running action, in one line."""
    lines = shown(story().state(), 160)
    for part in ("running", "━", " 62%", "12.4/s", "3.1s left", "epoch 62/100", "loss=0.1235 accuracy=0.94"):
        assert part in row(lines, "train")
    assert "a [bold]good[/bold] start" in row(lines, "train")
    assert "completed" in row(lines, "convert")
    assert "100%" in row(lines, "convert")
    assert "2.6s" in row(lines, "convert")
    assert row(lines, "evaluate").split() == ["·", "evaluate", "pending"]


def test_rows_stand_in_graph_order_with_branches_drawn() -> None:
    """The graph can be seen: the branches part below convert and join in evaluate."""
    leads = [line[:5] for line in shown(story().state())[1:]]
    assert [lead[:2] for lead in leads] == ["✓ ", "├─", "├─", "· "]


def test_the_header_names_the_run() -> None:
    """Name, id, state, time since the start, and how far the whole run is."""
    header = shown(story().state())[0]
    for part in ("digits", "run-1", "running", "12s", "━", "56%"):
        assert part in header
    assert "cancelling" in shown(evolve(story().state(), cancel_requested=True))[0]


def test_a_retried_action_shows_its_attempt() -> None:
    """From the second attempt on its number is told."""
    told = story()
    assert "attempt" not in row(shown(told.state()), "train")
    told.add("action.retrying", "train", 9, payload={"error": "ValueError: no"})
    told.add("action.started", "train", 10, attempt=2)
    assert "attempt 2" in row(shown(told.state()), "train")


def test_a_failed_run_says_why() -> None:
    """The failed action's row has the error, and below the rows stand status, time, each error and a note."""
    told = story()
    told.add("action.failed", "train", 9, attempt=3, payload={"error": "ValueError: no\nway", "failure": None})
    told.add("action.skipped", "evaluate", 9, payload={"reason": "needs 'train', which failed"})
    told.add("run.failed", None, 11.5, payload={"error": "train: no", "errors": ["train: no", "other: no"]})
    lines = shown(told.state(), note="files: /somewhere")
    assert "failed     ValueError: no way" in row(lines, "train")
    assert "skipped    needs 'train', which failed" in row(lines, "evaluate")
    assert lines[-4:] == ["✗ failed in 12s", "  train: no", "  other: no", "  files: /somewhere"]


def test_many_errors_are_counted() -> None:
    """Of a hundred errors the first five are shown."""
    state = evolve(story().state(), status=RunStatus.FAILED, errors=tuple(f"error {i}" for i in range(100)))
    assert shown(state)[-2:] == ["  error 4", "  and 95 more"]


def test_an_action_with_each_shows_counts() -> None:
    """How many instances are done, run and failed."""
    told = Story({"embed": []})
    told.start()
    told.add("action.started", "embed", payload={"instances": 20})
    for i in range(7):
        told.add("action.started", f"embed[{i}]")
    for i in range(4):
        told.add("action.completed", f"embed[{i}]")
    told.add("action.failed", "embed[4]", payload={"error": "no"})
    line = row(shown(told.state()), "embed")
    assert "4/20 done, 2 running, 1 failed" in line
    assert " 20%" in line


def test_progress_without_a_total_shows_the_count() -> None:
    """Where nobody knows the total, the number of units stands in place of a percentage."""
    told = Story({"scan": []})
    told.start("scan")
    told.add("action.progress", "scan", payload={"category": None, "current": 1234, "total": None})
    assert " 1234" in row(shown(told.state()), "scan")
    assert "%" not in row(shown(told.state()), "scan")


def test_more_actions_than_lines() -> None:
    """Of a thousand actions the failed, the running and the next few are shown, the rest counted."""
    told = Story({f"n{i}": [] for i in range(1000)})
    told.start(*(f"n{i}" for i in range(0, 40, 2)))
    told.add("action.failed", "n4", payload={"error": "ValueError: no"})
    told.add("action.completed", "n6")
    lines = shown(told.state(), height=30)
    assert len(lines) <= 30
    assert "ValueError: no" in row(lines, "n4")
    assert sum("running" in line for line in lines[1:-1]) == 18
    assert lines[-1] == "… 978 more: 1 completed, 977 pending"
    assert len(shown(told.state(), height=10)) == 10


def test_ascii_where_the_terminal_has_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ASCII encoding and a dumb terminal get an ASCII picture, with what users say escaped."""
    told = story()
    told.add("action.message", "train", payload={"level": "info", "message": "caf\u00e9"})
    view = RunView(told.state(), at=AT)
    lines = rendered(view, 160, "ascii")
    assert all(line.isascii() for line in lines)
    assert "caf\\xe9" in row(lines, "train")
    assert row(lines, "train").startswith("|-")
    monkeypatch.setenv("TERM", "dumb")
    assert row(rendered(view, 100), "convert").startswith("+ convert")


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves out colours."""
    view = RunView(story().state(), at=AT)
    assert any("\x1b[36m" in line for line in rendered(view, force_terminal=True, color_system="standard"))
    monkeypatch.setenv("NO_COLOR", "1")
    codes = "".join(rendered(view, force_terminal=True, color_system="standard"))
    assert not any(f"{code}m" in codes for code in range(30, 38))


def test_a_wandering_light_for_progress_that_nobody_reports() -> None:
    """An action that reports no progress is seen to be alive: its bar moves with time."""
    told = Story({"wait": []})
    told.start("wait")
    frames = {rendered(RunView(told.state(), at=AT + timedelta(seconds=i / 10)), 80)[1] for i in range(20)}
    assert len(frames) > 10


names = st.text(min_size=1, max_size=30)
progresses = st.builds(
    CategoryProgress,
    current=st.floats(0, 1e12),
    total=st.none() | st.floats(0, 1e12),
    rate=st.none() | st.floats(0, 1e9),
    eta=st.none() | st.floats(0, 1e9),
)
actions = st.builds(
    ActionProgress,
    name=names,
    status=st.sampled_from(ActionStatus),
    progress=st.floats(0, 1),
    progress_category=st.none() | st.just("default") | names,
    message=st.none() | st.text(max_size=60),
    metrics=st.dictionaries(names, st.floats() | st.integers() | names | st.none() | st.lists(names), max_size=3),
    started_at=st.none() | st.just(START),
    completed_at=st.none() | st.just(AT),
    error=st.none() | names,
    attempt=st.integers(0, 5),
    categories=st.dictionaries(st.just("default"), progresses, max_size=1),
    instances=st.none() | st.dictionaries(st.sampled_from(ActionStatus), st.integers(1, 99), min_size=1),
)


@given(
    st.builds(
        PipelineProgress,
        run_id=names,
        name=names,
        status=st.sampled_from(RunStatus),
        progress=st.lists(actions, max_size=8, unique_by=lambda action: action.name).map(tuple),
        started_at=st.none() | st.just(START),
        completed_at=st.none(),
    ),
    st.integers(40, 200),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
    st.none() | st.integers(3, 12),
)
def test_any_state_fits_any_width(run: PipelineProgress, width: int, encoding: str, height: int | None) -> None:
    """Whatever a run holds: a line an action, none wider than the terminal, nothing that the encoding lacks."""
    lines = rendered(RunView(run, at=AT, height=height), width, encoding)
    assert all(cell_len(line) <= width for line in lines)
    if height is None:
        assert len(lines) == 1 + len(run.progress) + run.status.is_terminal()
