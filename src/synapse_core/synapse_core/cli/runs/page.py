"""``synapse runs show``: a run on one page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from synapse_core.builtin.console.look import STYLES, look_of
from synapse_core.builtin.console.terminal import terminal
from synapse_core.builtin.console.text import clean_lines, short_time, visible
from synapse_core.cli.runs.actions import print_actions
from synapse_core.cli.runs.ending import folder_of
from synapse_core.cli.runs.look import Looked
from synapse_core.cli.runs.times import ago, clock, took
from synapse_core.models import ActionProgress, ActionStatus
from synapse_core.pipeline.drawing import draw

_TALLEST = 40
"""A drawing of more lines than this says less than the list of actions."""

_LONGEST_VALUE = 500
_DRAWN = {"✓": "green", "✗": "bold red", "▶": "cyan", "–": "yellow", "○": "dim"}


def print_page(looked: Looked) -> None:
    """Print the page: what the run is, its graph, its actions, its errors, and what to type next."""
    _print(_title(looked), "")
    _print(*_facts(looked), "")
    drawing = _drawing(looked)
    if drawing is not None:
        _print(drawing, "")
    print_actions(looked)
    _print(*_errors(looked))
    _print("", *_next(looked))


def _print(*lines: Text | str) -> None:
    for line in lines:
        terminal().print(line, soft_wrap=True)


def _shown(text: object) -> str:
    return visible(text, look_of(terminal()).encoding)


# -- what it is -----------------------------------------------------------------------------------------------


def _title(looked: Looked) -> Text:
    run, look = looked.progress, look_of(terminal())
    text = Text().append(_shown(run.name), "bold").append(f"  {looked.record.id}  ", "dim")
    text.append(f"{look.marks.get(run.status, '')} {run.status}", STYLES.get(run.status, ""))
    if looked.engine.gone:
        text.append("  its engine is gone", "bold yellow")
    elif run.cancel_requested and not run.status.is_terminal():
        text.append("  cancelling", "bold yellow")
    if run.started_at is not None and run.completed_at is not None:
        text.append(f" in {short_time((run.completed_at - run.started_at).total_seconds())}")
    return text.append(f"  {int(run.overall_progress * 100 + 1e-9)}%")


def _facts(looked: Looked) -> Iterator[Text]:
    run, record = looked.progress, looked.record
    yield _fact("created", f"{clock(record.created_at)}, {ago(record.created_at)}")
    if run.started_at is not None:
        ended = f" – {clock(run.completed_at)}" if run.completed_at else f", for {took(run.started_at, None)}"
        yield _fact(
            "ran" if run.completed_at else "runs since", clock(run.started_at) + ("" if looked.engine.gone else ended)
        )
    if looked.engine.owner is not None:
        yield _fact("engine", looked.engine.where + (", which is gone" if looked.engine.gone else ""))
    for name, value in (
        ("resumed from", record.resumed_from),
        ("target", record.target),
        ("files", record.work_dir if folder_of(record) else None),
        ("store", looked.kept),
    ):
        if value:
            yield _fact(name, value)
    yield from _values("params", looked.params)
    if looked.result is not None:
        yield from _values("result", looked.result)


def _values(name: str, values: Any) -> Iterator[Text]:
    """A value; of a mapping each on a line of its own."""
    if not isinstance(values, Mapping):
        yield _fact(name, _value(values))
        return
    for place, (key, value) in enumerate(values.items()):
        yield _fact("" if place else name, f"{key} = {_value(value)}")


def _fact(name: str, value: str) -> Text:
    return Text().append(f"  {name:<13}", "dim").append(_shown(value))


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"


def _drawing(looked: Looked) -> Text | None:
    """The graph with the state of each action, where that can be drawn on a few lines."""
    console = terminal()
    if looked.plan is None or not len(looked.plan) or console.options.ascii_only:
        return None
    states = {action.name: str(action.status) for action in looked.progress.progress}
    width = console.width if console.is_terminal else 100
    lines = draw(looked.plan, "text", states, width - 2).split("\n")
    if len(lines) > _TALLEST:
        return None
    text = Text("\n".join(f"  {line}" for line in lines))
    for mark, style in _DRAWN.items():
        text.highlight_words([mark], style)
    return text


# -- what went wrong, and what to do --------------------------------------------------------------------------


def _errors(looked: Looked) -> Iterator[Text]:
    """What each action that failed for good has raised; what it raised before, in a line each."""
    run = looked.progress
    failed = [a for a in (*run.progress, *run.instances.values()) if a.status is ActionStatus.FAILED]
    for action in failed:
        yield from _error(looked, action)
    if run.error and not any(action.error and action.error in run.error for action in failed):
        yield Text(f"\n{_shown(run.error)}", STYLES.get(run.status, ""))


def _error(looked: Looked, action: ActionProgress) -> Iterator[Text]:
    said = f" in attempt {action.attempt}" if action.attempt > 1 else ""
    head = Text("\n").append(_shown(action.name), "bold").append(f" failed{said}: ", "red")
    yield head.append(_shown(action.error or "no reason was given"), "red")
    for event in looked.retries:
        if event.action == action.name:
            yield Text(f"  attempt {event.attempt}: {_shown(event.payload.get('error') or '')}", "yellow")
    if action.failure is not None and action.failure.traceback and action.failure.type != "ActionCancelled":
        encoding = look_of(terminal()).encoding
        yield Text("\n".join(f"  {line}" for line in clean_lines(action.failure.traceback, encoding)), "dim")


def _next(looked: Looked) -> Iterator[Text]:
    width = max((len(advice.command) for advice in looked.advice), default=0)
    for advice in looked.advice:
        yield Text().append(f"{advice.command:<{width}}", "bold").append(f"  # {advice.does}", "dim")
