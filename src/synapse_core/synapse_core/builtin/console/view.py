"""`RunView`: a run's state as a rich renderable, one line an action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from attrs import field, frozen
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from synapse_core.builtin.console.cells import Cells, cells_of
from synapse_core.builtin.console.columns import Columns, bar, fitted
from synapse_core.builtin.console.look import STYLES, Look, look_of
from synapse_core.builtin.console.text import short_time, visible
from synapse_core.builtin.console.tree import Branch, branches
from synapse_core.events import now as utc_now
from synapse_core.models import ActionProgress, ActionStatus, PipelineProgress

FRAMES_A_SECOND = 10

_WIDE = 60
"""From this width on there is room for what can be done without."""

_NEXT = 3
"""How many waiting actions are shown where not all fit on the screen."""


@frozen
class RunView:
    """How a run stands ``at`` a time.

    Attributes:
        height: lines to fill at most; as many as it takes, if None.
        note: a last line under the end of a run: where its files are.
    """

    progress: PipelineProgress
    at: datetime = field(factory=utc_now)
    height: int | None = None
    note: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        look = look_of(console)
        yield self._header(options.max_width, look)
        yield from self._rows(options.max_width, look)
        yield from self._footer(options.max_width, look)

    # -- the run ----------------------------------------------------------------------------------------------

    def _header(self, width: int, look: Look) -> Text:
        run = self.progress
        state = "cancelling" if run.cancel_requested and not run.status.is_terminal() else str(run.status)
        text = Text().append(visible(run.name or "run", look.encoding), "bold")
        if width >= _WIDE:
            text.append(f"  {visible(run.run_id, look.encoding)}", "dim")
        text.append(f"  {state}", STYLES.get(run.status, ""))
        text.append(f"  {self._elapsed()}")
        percent = f"{int(run.overall_progress * 100 + 1e-9)}%"
        room = min(width - text.cell_len - 8, 30)
        if room >= 6:
            text.append("  ")
            text.append_text(bar(run.overall_progress, room, STYLES.get(run.status, "cyan"), look))
        text.append(f" {percent:>4}")
        return fitted(text, width, look)

    def _elapsed(self) -> str:
        run = self.progress
        if run.started_at is None:
            return ""
        return short_time(((run.completed_at or self.at) - run.started_at).total_seconds())

    def _footer(self, width: int, look: Look) -> Iterator[Text]:
        run = self.progress
        if not run.status.is_terminal():
            return
        style = STYLES.get(run.status, "")
        text = Text().append(f"{look.marks.get(run.status, '')} {run.status}", style)
        text.append(f" in {self._elapsed()}" if run.started_at else "")
        yield fitted(text, width, look)
        for error in _errors(run):
            yield Text(f"  {visible(error, look.encoding)}", "red", overflow="fold")
        if self.note:
            yield Text(f"  {visible(self.note, look.encoding)}", "dim", overflow="fold")

    # -- its actions ------------------------------------------------------------------------------------------

    def _rows(self, width: int, look: Look) -> Iterator[Text]:
        actions = self.progress.progress
        places = _places(tuple(a.name for a in actions), tuple((n, tuple(w)) for n, w in self.progress.needs.items()))
        chosen = _chosen(actions, None if self.height is None else max(self.height - 1 - self._footer_height(), 1))
        whole = len(chosen) == len(actions)
        rows = [(actions[i], places[i] if whole else Branch(needs=places[i].needs)) for i in chosen]
        columns = Columns.fit(width, rows)
        for action, place in rows:
            yield fitted(self._row(action, place, columns, width, look), width, look)
        if not whole:
            yield fitted(_rest(actions, set(chosen), look), width, look)

    def _footer_height(self) -> int:
        run = self.progress
        return 1 + len(_errors(run)) + bool(self.note) if run.status.is_terminal() else 0

    def _row(self, action: ActionProgress, place: Branch, columns: Columns, width: int, look: Look) -> Text:
        style = STYLES[action.status]
        text = columns.lead(action, place, self._mark(action, look), look)
        cells = cells_of(action, self.at, look.encoding, place.needs)
        if columns.word:
            text.append(f"  {cells.word:<9}".rstrip() if cells.word == "pending" else f"  {cells.word:<9}", style)
        if action.status in {ActionStatus.FAILED, ActionStatus.SKIPPED, ActionStatus.PENDING}:
            return _spanning(text, cells, style, width, look)
        return columns.numbers(text, cells, style, self._phase(), look)

    def _mark(self, action: ActionProgress, look: Look) -> str:
        if action.status is ActionStatus.RUNNING:
            return look.spinner[self._phase() % len(look.spinner)]
        return look.marks[action.status]

    def _phase(self) -> int:
        return int(self.at.timestamp() * FRAMES_A_SECOND)


def _spanning(text: Text, cells: Cells, style: str, width: int, look: Look) -> Text:
    """A row that has no numbers to align: what there is to tell takes the line, and the time its end."""
    time = f"  ({cells.time})" if cells.time and width >= _WIDE else ""
    if cells.detail:
        text.append(f"  {cells.detail}", style.removeprefix("bold "))
    text = fitted(text, width - len(time), look)
    text.append(time, "dim")
    return text


def _errors(run: PipelineProgress) -> Sequence[str]:
    """The run's errors, the first five of them."""
    errors = run.errors or ((run.error,) if run.error else ())
    more = [f"and {len(errors) - 5} more"] if len(errors) > 5 else []
    return [*errors[:5], *more]


def _chosen(actions: Sequence[ActionProgress], room: int | None) -> Sequence[int]:
    """Which rows are shown, in pipeline order: all if they fit, else what failed, what runs, and what comes next."""
    if room is None or len(actions) <= room:
        return range(len(actions))
    rows: dict[str, list[int]] = {status: [] for status in ActionStatus}
    for row, action in enumerate(actions):
        rows[action.status].append(row)
    running = rows[ActionStatus.RUNNING]
    following = rows[ActionStatus.PENDING][:_NEXT] if running else []
    return sorted([*rows[ActionStatus.FAILED], *running, *following][: room - 1])


def _rest(actions: Sequence[ActionProgress], shown: set[int], look: Look) -> Text:
    kinds = Counter(str(action.status) for row, action in enumerate(actions) if row not in shown)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return Text(f"{look.ellipsis} {sum(kinds.values())} more: {told}", "dim")


@lru_cache(maxsize=16)
def _places(names: tuple[str, ...], needs: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[Branch, ...]:
    return branches(names, dict(needs))
