"""The parent's side: starts the child, listens to it, and makes an outcome of however it ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from synapse_core.actiondef.target import portable
from synapse_core.builtin.process import frames
from synapse_core.builtin.process.output import Lines
from synapse_core.builtin.process.tree import MARKER, end_tree
from synapse_core.errors import SynapseError
from synapse_core.models import Failure
from synapse_core.protocols import Call, Outcome
from synapse_core.worker import Reporter
from synapse_core.worker.failure import failure_of

_CHUNK = 1 << 18

_LAST_WORDS = 1000
"""How many more reads of output a child that is gone is worth: a grandchild may hold its output, and go on."""


class Supervised:
    """A call in a child process."""

    def __init__(self, call: Call, reporter: Reporter) -> None:
        self._call = call
        self._reporter = reporter
        self._marker = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: int | None = None
        self._stop: str | None = None
        self._outcome: Outcome | None = None
        self._last_words: Sequence[str] = ()

    def run(self) -> Outcome:
        """Start the child and look after it until it and all that it started are gone. Never raises."""
        try:
            with self._lock:
                if self._stop is not None:
                    return Outcome("cancelled", failure=Failure("ActionCancelled", self._stop))
                reports = self._start()
        except (OSError, SynapseError, ValueError) as error:
            return Outcome("invalid", failure=failure_of(error))
        try:
            self._listen(reports)
        finally:
            code = self._end()
        return self._outcome or _died(code, self._call.action, self._last_words)

    # -- start and end ----------------------------------------------------------------------------------------

    def _start(self) -> int:
        call = self._call.plain()
        entrypoint = portable(call.entrypoint)
        order_in, order_out = os.pipe()
        report_in, report_out = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "synapse_core.builtin.process.child",
                    str(order_in),
                    str(report_out),
                    self._marker,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(order_in, report_out),
                env={**os.environ, MARKER: self._marker},
                start_new_session=True,
            )
        except OSError:
            for fd in (order_out, report_in):
                os.close(fd)
            raise
        finally:
            os.close(order_in)
            os.close(report_out)
        self._orders = order_out
        plain = attrs.asdict(attrs.evolve(call, entrypoint=entrypoint, resources=None), recurse=False)
        plain["env"], plain["params"] = dict(call.env), dict(call.params)
        # Large params must not wait here for a child that waits for nobody to read its output.
        self._send({"sys_path": sys.path, "call": plain})
        return report_in

    def _send(self, value: Any) -> None:
        if self._orders is not None:
            with contextlib.suppress(OSError):
                frames.write(self._orders, value)

    def _end(self) -> int:
        """End whatever the child has left behind; its exit code."""
        assert self._process is not None
        code = self._process.wait()
        end_tree(self._process.pid, self._marker)
        with self._lock:
            if self._orders is not None:
                os.close(self._orders)
                self._orders = None
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    # -- listening --------------------------------------------------------------------------------------------

    def _listen(self, reports: int) -> None:
        """Read reports and output until the child is gone; a grandchild that holds its output is not waited for."""
        assert self._process is not None
        with selectors.DefaultSelector() as selector, os.fdopen(reports, "rb", buffering=0) as pipe:
            streams: dict[Any, Callable[[bytes], None]] = {pipe: self._reported(frames.Decoder())}
            outputs = [(self._process.stdout, "stdout"), (self._process.stderr, "stderr")]
            lines = [Lines(self._reporter, stream) for _, stream in outputs]
            self._last_words = lines[1].last
            for (output, _), taker in zip(outputs, lines, strict=True):
                streams[output] = taker.feed
            for stream in streams:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ)
            patience = _LAST_WORDS
            while selector.get_map() and patience > 0:
                ready = selector.select(timeout=0.2)
                for key, _ in ready:
                    self._read(selector, key.fileobj, streams[key.fileobj])
                if self._process.poll() is not None:
                    patience = patience - 1 if ready else 0
            for taker in lines:
                taker.close()

    @staticmethod
    def _read(selector: selectors.BaseSelector, stream: Any, take: Callable[[bytes], None]) -> None:
        try:
            chunk = os.read(stream.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if chunk:
            take(chunk)
        else:
            selector.unregister(stream)

    def _reported(self, decoder: frames.Decoder) -> Callable[[bytes], None]:
        def take(chunk: bytes) -> None:
            for value in decoder.feed(chunk):
                self._reporter.take(frames.drafts_of(value.get("drafts", ())))
                if "outcome" in value:
                    self._outcome = _outcome(value["outcome"])

        return take

    # -- stopping ---------------------------------------------------------------------------------------------

    def ask(self, reason: str) -> None:
        """Ask the action to stop."""
        with self._lock:
            self._stop = self._stop or reason
            self._send({"cancel": reason})

    def terminate(self) -> None:
        """Have SIGTERM raise `ActionCancelled` in the action, and tell all that it started."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, sig: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(sig)
            end_tree(self._process.pid, self._marker, sig)


def _outcome(data: Any) -> Outcome:
    failure = Failure(*data["failure"]) if data["failure"] else None
    return Outcome(data["status"], data["result"], data["merges"], failure=failure)


def _died(code: int, action: str, last_words: Sequence[str]) -> Outcome:
    if code < 0:
        name = signal.Signals(-code).name
        how = f"was ended by {name}{_MEANINGS.get(name, '')}"
    else:
        how = f"ended with exit code {code}"
    message = f"the process of {action!r} {how} before it gave a result"
    return Outcome("died", failure=Failure("WorkerDiedError", message, "\n".join(last_words)))


_MEANINGS = {
    "SIGKILL": " (killed; by the system, if it ran out of memory)",
    "SIGSEGV": " (it crashed: a fault in native code)",
    "SIGABRT": " (it aborted: a fault in native code)",
}
