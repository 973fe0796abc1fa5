"""Runs' states as the writer keeps them: folded as events come, and stored now and then for those who read."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from attrs import define

from synapse_core.fold import CHANGES, Folding
from synapse_core.models import PipelineProgress
from synapse_store.sqlite.rows import EVENT_COLUMNS, Load, event_of, placeholders
from synapse_store.sqlite.values import dumps, loads

_KEPT = 512
_INTERVAL = 2_000
_PER_CELL = 4

CHANGE_KINDS = tuple(sorted(CHANGES))
CHANGES_SINCE = (
    f"SELECT ?, {EVENT_COLUMNS} FROM events "  # noqa: S608  built of constants
    f"WHERE run = ? AND seq > ? AND kind IN {placeholders(CHANGE_KINDS)} ORDER BY seq"
)


class Folded(NamedTuple):
    """A run's fold up to ``seq``, to go on from when its state is asked for; ``key`` is the run's."""

    key: int
    seq: int
    folding: Folding


@define(eq=False)
class RunState:
    """A run's fold, up to ``seq``; ``stored`` is how far the newest stored one goes."""

    folding: Folding
    seq: int
    stored: int

    def wants_storing(self) -> bool:
        """Whether so much has happened that to read it would take longer than to read the state."""
        return self.seq - self.stored >= max(_INTERVAL, _PER_CELL * self.folding.size)


class States:
    """The folds of the runs that this process writes to, the last used ones.

    Args:
        load: makes of a payload's text what it means.
    """

    def __init__(self, load: Load) -> None:
        self.load = load
        self._states: OrderedDict[str, RunState] = OrderedDict()

    def at(self, connection: sqlite3.Connection, run_id: str, key: int, seq: int) -> RunState:
        """The run's fold up to its event ``seq``, which is its last: what others have written is read."""
        state = self._states.get(run_id)
        if state is None or state.seq > seq:
            state = stored_state(connection, key)
        if state.seq < seq:
            rows = connection.execute(CHANGES_SINCE, (run_id, key, state.seq, *CHANGE_KINDS))
            for row in rows:
                state.folding.apply(event_of(row, self.load))
            state.seq = seq
        self._states[run_id] = state
        self._states.move_to_end(run_id)
        while len(self._states) > _KEPT:
            self._states.popitem(last=False)
        return state

    def has(self, run_id: str, seq: int) -> bool:
        """Whether the run's fold is known up to its event ``seq``, so that `at` reads nothing."""
        state = self._states.get(run_id)
        return state is not None and state.seq == seq

    def passed(self, run_id: str, before: int, last: int) -> None:
        """Note that the events after ``before`` up to ``last`` change nothing."""
        state = self._states.get(run_id)
        if state is not None and state.seq == before:
            state.seq = last

    def forget(self, run_id: str) -> None:
        """Let go of a run."""
        self._states.pop(run_id, None)

    def clear(self) -> None:
        """Let go of all: a transaction that they took part in has come to nothing."""
        self._states.clear()


def stored_state(connection: sqlite3.Connection, key: int) -> RunState:
    """The newest stored state of a run, or that of one to which nothing has happened."""
    row = connection.execute("SELECT seq, state FROM states WHERE run = ?", (key,)).fetchone()
    return RunState(Folding(), 0, 0) if row is None else RunState(Folding(state_of(row[1])), row[0], row[0])


def store_state(connection: sqlite3.Connection, key: int, state: RunState) -> None:
    """Keep a state for those who read."""
    text = text_of(state.folding.snapshot())
    connection.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (key, state.seq, text))
    state.stored = state.seq


def text_of(progress: PipelineProgress) -> str:
    """A state as JSON text."""
    return dumps(_converter()[0](progress), "a run's state")


def state_of(text: str) -> PipelineProgress:
    """The state that `text_of` gave ``text`` for, equal to it."""
    return _converter()[1](loads(text))


@cache
def _converter() -> tuple[Callable[[Any], Any], Callable[[Any], PipelineProgress]]:
    from cattrs.preconf.json import make_converter

    converter = make_converter()
    # A number stays what it is, 1 or 1.0: what is read back must look as what was folded.
    converter.register_structure_hook(float, lambda value, _: value)
    return converter.unstructure, lambda data: converter.structure(data, PipelineProgress)
