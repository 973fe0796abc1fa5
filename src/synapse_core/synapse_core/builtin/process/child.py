"""The child's side: runs one call, reports over a pipe, and never outlives its parent."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
from typing import Any

from synapse_core.builtin.process import frames
from synapse_core.builtin.process.output import flush_outputs
from synapse_core.builtin.process.tree import end_tree
from synapse_core.context import CancelToken
from synapse_core.errors import ActionCancelled, SynapseError
from synapse_core.protocols import Call, Outcome
from synapse_core.worker import Reporter, crossing, hooks_from, perform
from synapse_core.worker.failure import failure_of

_FLUSH = 0.1


def main(orders: str, reports: str, marker: str) -> None:
    """Run the call that comes over ``orders``, and write what happens to ``reports`` (file descriptors)."""
    faulthandler.enable()
    pipe = os.fdopen(int(orders), "rb")
    child = _Child(crossing.call_of(frames.read(pipe)), int(reports), marker)
    threading.Thread(target=child.listen, args=(pipe,), name="synapse-orders", daemon=True).start()
    child.run()


class _Child:
    """One call in this process."""

    def __init__(self, call: Call, reports: int, marker: str) -> None:
        self._call = call
        self._reports = reports
        self._marker = marker
        self._token = CancelToken()
        self._wake = threading.Event()
        self._done = threading.Event()
        self._reporter = Reporter(call.action, call.attempt, self._wake.set, self._token)

    def listen(self, pipe: Any) -> None:
        """Take orders. When the parent is gone, so are we, and all that we started."""
        try:
            while True:
                self._token.cancel(frames.read(pipe)["cancel"])
        except (EOFError, OSError):
            end_tree(os.getpid(), self._marker)
            os._exit(1)

    def run(self) -> None:
        """Run the call and report its outcome."""
        signal.signal(signal.SIGTERM, self._terminated)
        pump = threading.Thread(target=self._pump, name="synapse-reports", daemon=True)
        pump.start()
        pid = os.getpid()
        outcome = self._outcome()
        if os.getpid() != pid:  # a fork that the action made has come back here: the outcome is not its to tell
            os._exit(0)
        self._done.set()
        self._wake.set()
        pump.join()
        flush_outputs()
        rows = crossing.draft_rows(self._reporter.drain())
        frames.write(self._reports, {"drafts": rows, "outcome": crossing.outcome_data(outcome)})

    def _outcome(self) -> Outcome:
        try:
            return perform(self._call, self._reporter, self._token, hooks_from(self._call.hooks))
        except SynapseError as error:  # a plugin that the call names cannot be imported here
            return Outcome("invalid", failure=failure_of(error))
        except ActionCancelled as error:  # SIGTERM came between the action's frames and ours
            return Outcome("cancelled", failure=failure_of(error))

    def _terminated(self, _signal: int, _frame: Any) -> None:
        self._token.cancel("terminated")
        if not self._done.is_set():
            raise ActionCancelled(self._token.reason)

    def _pump(self) -> None:
        """Send reports a few times a second, and when there are many."""
        while not self._done.is_set():
            self._wake.wait(_FLUSH)
            self._wake.clear()
            drafts = self._reporter.drain()
            if drafts:
                frames.write(self._reports, {"drafts": crossing.draft_rows(drafts)})
