"""`Along`: a run's events, written to a sink as they are stored, none left out however slowly it takes them."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from synapse_core.cli.runs.following import Follower

if TYPE_CHECKING:
    from synapse_core.protocols import Sink
    from synapse_core.session import Session

_AFTER_TROUBLE = 5.0
"""Seconds in which what is stored may still be written, when the run itself could not be seen to its end."""


class Along:
    """Writes all events of a run to a sink, on a thread of its own, until the run has ended.

    They are read from the store, where they wait as long as it takes; a sink of the run itself that falls far behind
    (a pager, a slow disk, a flood of log lines) is dropped from it.

    Args:
        session: with the store.
        run_id: the run; of this process, or of any other.
        sink: what shows it.
    """

    def __init__(self, session: Session, run_id: str, sink: Sink) -> None:
        self._session = session
        self._run_id = run_id
        self._sink = sink
        self._thread = threading.Thread(target=self._write, name="synapse-along", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.join(None if error is None else _AFTER_TROUBLE)

    def _write(self) -> None:
        try:
            # An engine that is not heard of is about to be started anew, where it is not this process's.
            with Follower(self._session, self._run_id, patient=True) as batches:
                for batch in batches:
                    self._sink.write(batch)
        finally:
            self._sink.close()
