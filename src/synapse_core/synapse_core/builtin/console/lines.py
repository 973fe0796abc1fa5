"""The lines that are told one after another: logs, messages, and in plain mode each change of state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import define
from rich.text import Text

from synapse_core.builtin.console.cells import cells_of
from synapse_core.builtin.console.look import LEVEL_STYLES, STYLES, Look
from synapse_core.builtin.console.text import clean_lines, pairs, short_time, visible
from synapse_core.events import Event, Kind
from synapse_core.models import ActionProgress, ActionStatus, LogLevel, PipelineProgress

_INDENT = " " * 9
_WIDEST_NAME = 24
_NEVER_SEEN = ActionProgress("")


@define
class Lines:
    """Makes lines; ``width`` is how wide the column of the names is."""

    look: Look
    width: int = 0

    def fit(self, names: Iterable[str]) -> None:
        """Make the column of the names as wide as they need."""
        self.width = min(max((len(visible(name)) for name in names), default=0), _WIDEST_NAME)

    def log(self, event: Event) -> Text:
        """A log entry or a message; its further lines, and long texts in its data, below."""
        level = str(event.payload.get("level", LogLevel.INFO))
        texts, data = _parted(event.payload.get("data"))
        first, *more = self._clean(str(event.payload.get("message", "")))
        text = self._start(event.time, event.action or "run")
        if event.kind != Kind.ACTION_MESSAGE or level != LogLevel.INFO:
            text.append(f"{self._shown(level).upper()}  ", LEVEL_STYLES.get(level, ""))
        text.append(first)
        if data:
            text.append(f"  {pairs(data, self.look.encoding)}", "dim")
        for line in [*more, *(line for each in texts for line in self._clean(each))]:
            text.append(f"\n{_INDENT}{line}")
        return text

    def state(self, action: ActionProgress, at: datetime) -> Text:
        """``12:00:01 train  completed in 3.2s  loss=0.1``."""
        cells = cells_of(action, at, self.look.encoding)
        text = self._start(at, action.name)
        text.append(f"{self.look.marks[action.status]} {cells.word}", STYLES[action.status])
        if action.status in {ActionStatus.COMPLETED, ActionStatus.FAILED} and cells.time:
            text.append(f" in {cells.time}")
        if cells.detail:
            text.append(f"  {cells.detail}", "red" if action.status is ActionStatus.FAILED else "dim")
        return text

    def progress(self, action: ActionProgress, at: datetime) -> Text:
        """``12:00:01 train  62%  12.3/s  3.1s left  loss=0.1``."""
        cells = cells_of(action, at, self.look.encoding)
        text = self._start(at, action.name)
        text.append("  ".join(part for part in (cells.done, cells.rate, cells.time) if part))
        if cells.detail:
            text.append(f"  {cells.detail}", "dim")
        return text

    def retry(self, event: Event) -> Text:
        """``12:00:01 train  attempt 1 failed, the next one in 2.0s  ValueError: no``."""
        text = self._start(event.time, event.action or "")
        delay = event.payload.get("delay")
        when = f", the next one in {short_time(delay)}" if isinstance(delay, int | float) else ""
        text.append(f"attempt {event.attempt} failed{when}", "yellow")
        text.append(f"  {self._shown(event.payload.get('error') or '')}", "red")
        return text

    def run(self, run: PipelineProgress, at: datetime, *, errors: bool = True) -> Text:
        """``12:00:09 digits  failed in 12s``, and its errors below."""
        text = self._start(at, run.name or "run", "bold")
        mark = self.look.marks.get(run.status, "")
        text.append(f"{mark} {run.status}".strip(), STYLES.get(run.status, ""))
        if run.status.is_terminal() and run.started_at is not None:
            text.append(f" in {short_time(((run.completed_at or at) - run.started_at).total_seconds())}")
        elif not run.status.is_terminal():
            count = f"{len(run.progress)} action" + ("" if len(run.progress) == 1 else "s")
            text.append(f"  {count}, run {self._shown(run.run_id)}", "dim")
        for error in (run.errors or ((run.error,) if run.error else ())) if errors else ():
            text.append(f"\n{_INDENT}{self._shown(error)}", "red")
        return text

    def said(self, at: datetime, name: str, what: str) -> Text:
        """``12:00:01 train  what was said``."""
        return self._start(at, name).append(self._shown(what))

    def changes(self, before: PipelineProgress, after: PipelineProgress, at: datetime) -> Iterator[Text]:
        """A line for each state that differs between two states of a run."""
        if after.status is not before.status and not after.status.is_terminal():
            yield self.run(after, at)
        known = {action.name: action for action in before.progress}
        for action in after.progress:
            old = known.get(action.name, _NEVER_SEEN)
            if action.status is not old.status:
                yield self.state(action, at)
            elif action.message is not None and action.message != old.message:
                yield self.said(at, action.name, action.message)
        if after.status is not before.status and after.status.is_terminal():
            yield self.run(after, at)

    def _start(self, at: datetime, name: str, style: str = "cyan") -> Text:
        text = Text().append(f"{at.astimezone():%H:%M:%S} ", "dim")
        return text.append(f"{self._shown(name):<{self.width}}  ", style)

    def _shown(self, text: object) -> str:
        return visible(text, self.look.encoding)

    def _clean(self, text: str) -> list[str]:
        return clean_lines(text, self.look.encoding)


def left_out_line(number: int) -> Text:
    """Says how many log lines were not shown."""
    return Text(f"{_INDENT}{number:,} more log lines, not shown here; all are kept in the run's log", "dim italic")


def _parted(data: Any) -> tuple[list[str], Mapping[str, Any]]:
    """A log entry's data: the texts of several lines (a traceback), and the rest."""
    if not isinstance(data, Mapping):
        return [], {} if data is None else {"data": data}
    texts = [value for value in data.values() if isinstance(value, str) and "\n" in value]
    return texts, {key: value for key, value in data.items() if not (isinstance(value, str) and "\n" in value)}
