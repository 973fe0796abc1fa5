"""`PlainDisplay`: a run as lines, for a pipe, a file or a CI's log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from synapse_core.builtin.console.display import note_on
from synapse_core.builtin.console.lines import Lines, left_out_line
from synapse_core.builtin.console.look import look_of
from synapse_core.builtin.console.text import visible
from synapse_core.builtin.console.throttle import Throttle
from synapse_core.events import RUN_ENDED, Event, Kind, now
from synapse_core.fold import Folding
from synapse_core.models import ActionProgress, ActionStatus, PipelineProgress

LINES_A_SECOND = 500
PROGRESS_EVERY = timedelta(seconds=5)


class PlainDisplay:
    """Writes a line for each change of state, log entry and message, and of progress one now and then.

    Of an action with ``each`` the counts are told as its progress, and of its instances only those that fail.
    """

    def __init__(self, console: Console, work_dir: str | None = None, *, clock: Callable[[], datetime] = now) -> None:
        self._console = console
        self._work_dir = work_dir
        self._lines = Lines(look_of(console))
        self._folding = Folding()
        self._state = PipelineProgress()
        self._clock = clock
        self._due: dict[str, datetime] = {}
        self._failed = 0
        self._throttle = Throttle(LINES_A_SECOND)

    def tell(self, events: Iterable[Event]) -> None:
        """Write the lines of these events."""
        told: list[Text] = []
        for event in events:
            if event.kind in {Kind.ACTION_LOG, Kind.ACTION_MESSAGE}:
                if self._throttle.lets(event):
                    told.append(self._lines.log(event))
            else:
                self._folding.apply(event)
                told += self._of_action(event) if event.action else self._of_run(event)
        self._write(told)
        self._tell_left_out()

    def update(self, progress: PipelineProgress) -> None:
        """Write a line for all that is new in this state."""
        at = self._clock()
        self._lines.fit(_names(progress))
        told = list(self._lines.changes(self._state, progress, at))
        running = [action for action in progress.progress if action.status is ActionStatus.RUNNING]
        self._write([*told, *(line for action in running for line in self._progress(action, at))])
        self._state = progress

    def close(self) -> None:
        """Write what is left."""
        self._tell_left_out(at_end=True)
        note = note_on(self._work_dir)
        self._write([Text(visible(note, self._lines.look.encoding), "dim")] if note else [])

    # -- events as lines --------------------------------------------------------------------------------------

    def _of_run(self, event: Event) -> list[Text]:
        if event.kind == Kind.RUN_CREATED:
            self._lines.fit(_names(self._folding.snapshot()))
            return []
        if event.kind == Kind.RUN_CANCEL_REQUESTED:
            return [self._lines.said(event.time, self._folding.snapshot().name, "cancelling")]
        if event.kind in {*RUN_ENDED, Kind.RUN_STARTED, Kind.RUN_RESUMED}:
            state = self._folding.snapshot()
            # One error has just been told, where it happened; several are told again, together.
            return [self._lines.run(state, event.time, errors=self._failed != 1 or len(state.errors) > 1)]
        return []

    def _of_action(self, event: Event) -> list[Text]:
        name = event.action or ""
        if event.kind == Kind.ACTION_RETRYING:
            return [self._lines.retry(event)]
        if event.kind not in _STATES or ("[" in name and event.kind != Kind.ACTION_FAILED):
            action = self._folding.action(name.partition("[")[0])
            return self._progress(action, event.time) if action else []
        action = self._folding.action(name)
        self._failed += event.kind == Kind.ACTION_FAILED
        return [self._lines.state(action, event.time)] if action else []

    def _progress(self, action: ActionProgress, at: datetime) -> list[Text]:
        """The action's progress, if it is time to tell it."""
        if at < self._due.setdefault(action.name, (action.started_at or at) + PROGRESS_EVERY):
            return []
        self._due[action.name] = at + PROGRESS_EVERY
        return [self._lines.progress(action, at)]

    # -- writing ----------------------------------------------------------------------------------------------

    def _tell_left_out(self, *, at_end: bool = False) -> None:
        if number := self._throttle.left_out(at_end=at_end):
            self._write([left_out_line(number)])

    def _write(self, told: list[Text]) -> None:
        if told and self._console.color_system:
            self._console.print(Text("\n").join(told), soft_wrap=True)
        elif told:
            # What has no colours need not be rendered, and in a flood of lines that counts.
            self._console.out("\n".join(line.plain for line in told), highlight=False)


_STATES = frozenset({Kind.ACTION_STARTED, Kind.ACTION_COMPLETED, Kind.ACTION_FAILED, Kind.ACTION_SKIPPED})


def _names(progress: PipelineProgress) -> list[str]:
    return [progress.name, *(action.name for action in progress.progress)]
