"""`JsonLines`: a run's events as lines of JSON, none left out however slowly they are read."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from synapse_core.builtin.console.sink import JsonSink
from synapse_core.cli.runs.following import Follower

if TYPE_CHECKING:
    from synapse_core.session import Session

_AFTER_TROUBLE = 5.0
"""Seconds in which what is stored may still be written, when the run itself could not be seen to its end."""


class JsonLines:
    """Writes all events of a run to standard output, until the run has ended.

    They are read from the store, where they wait as long as it takes; a sink that falls far behind (a pager, a slow
    disk, a flood of log lines) is dropped from its run.
    """

    def __init__(self, session: Session, run_id: str) -> None:
        self._session = session
        self._run_id = run_id
        self._thread = threading.Thread(target=self._write, name="synapse-json", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.join(None if error is None else _AFTER_TROUBLE)

    def _write(self) -> None:
        sink = JsonSink()
        with Follower(self._session, self._run_id) as batches:
            for batch in batches:
                sink.write(batch)
