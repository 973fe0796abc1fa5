"""The parent's side: looks after a child, and makes an outcome of however it ends."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from synapse_core.builtin.process import frames
from synapse_core.builtin.process.launch import Orders, launch
from synapse_core.builtin.process.output import Lines
from synapse_core.builtin.process.tree import end_tree
from synapse_core.errors import SynapseError
from synapse_core.events import Kind
from synapse_core.models import Failure
from synapse_core.protocols import Call, Outcome
from synapse_core.worker import Reporter, crossing
from synapse_core.worker.failure import failure_of

_CHUNK = 1 << 18

_LAST_WORDS = 1000
"""How many more reads of output a child that is gone is worth: a grandchild may hold its output, and go on."""


class Supervised:
    """A call in a child process.

    Args:
        call: the call.
        reporter: takes what the action reports and prints.
        linger: seconds that the child may still run after it gave its outcome.
        echo: is given what the action prints, too, byte by byte as it comes.
    """

    def __init__(
        self, call: Call, reporter: Reporter, linger: float, *, echo: Callable[[bytes], None] | None = None
    ) -> None:
        self._call = call
        self._reporter = reporter
        self._linger = linger
        self._echo = echo
        self._marker = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: Orders | None = None
        self._stop: str | None = None
        self._outcome: Outcome | None = None
        self._patience: threading.Timer | None = None
        self._last_words: Sequence[str] = ()

    def run(self) -> Outcome:
        """Start the child and look after it until it and all that it started are gone. Never raises."""
        try:
            with self._lock:
                if self._stop is not None:
                    return Outcome("cancelled", failure=Failure("ActionCancelled", self._stop))
                self._process, self._orders, reports = launch(self._call, self._marker)
        except (OSError, SynapseError, ValueError) as error:
            return Outcome("invalid", failure=failure_of(error))
        try:
            self._listen(self._process, reports)
        except Exception as error:  # noqa: BLE001  the action may write anything to any pipe that it finds
            self.kill()
            self._outcome = _garbled(self._call.action, error)
        code = self._end(self._process)
        return self._outcome or _died(code, self._call.action, self._last_words)

    def _end(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the child, and end whatever it has left behind; its exit code."""
        _await(process)
        if self._patience is not None:
            self._patience.cancel()
        end_tree(process.pid, self._marker)
        with self._lock:
            code = process.wait()
        if self._orders is not None:
            self._orders.close()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    # -- listening --------------------------------------------------------------------------------------------

    def _listen(self, process: subprocess.Popen[bytes], reports: int) -> None:
        """Read reports and output until the child is gone; a grandchild that holds its output is not waited for."""
        with selectors.DefaultSelector() as selector, os.fdopen(reports, "rb", buffering=0) as pipe:
            streams: dict[Any, Callable[[bytes], None]] = {pipe: self._reported(frames.Decoder())}
            outputs = [(process.stdout, "stdout"), (process.stderr, "stderr")]
            lines = [Lines(self._reporter, stream) for _, stream in outputs]
            self._last_words = lines[1].last
            for (output, _), taker in zip(outputs, lines, strict=True):
                streams[output] = self._printed(taker)
            for stream in streams:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ)
            patience = _LAST_WORDS
            while selector.get_map() and patience > 0:
                ready = selector.select(timeout=0.2)
                for key, _ in ready:
                    self._read(selector, key.fileobj, streams[key.fileobj])
                if _has_ended(process):
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

    def _printed(self, lines: Lines) -> Callable[[bytes], None]:
        echo = self._echo
        if echo is None:
            return lines.feed

        def take(chunk: bytes) -> None:
            echo(chunk)
            lines.feed(chunk)

        return take

    def _reported(self, decoder: frames.Decoder) -> Callable[[bytes], None]:
        def take(chunk: bytes) -> None:
            for value in decoder.feed(chunk):
                self._reporter.take(crossing.drafts_of(value.get("drafts", ())))
                if "outcome" in value:
                    self._outcome = crossing.outcome_of(value["outcome"])
                    self._patience = threading.Timer(self._linger, self._lingers)
                    self._patience.daemon = True
                    self._patience.start()

        return take

    def _lingers(self) -> None:
        """The child runs although it gave its outcome long ago."""
        self.kill()
        late = f"still ran {self._linger:g} s after its action had ended"
        message = f"the process of {self._call.action!r} {late}, and was killed"
        hint = "a thread that is no daemon, or a function registered with atexit, kept it from ending"
        self._reporter.emit(Kind.ACTION_LOG, {"level": "warning", "message": message, "data": {"hint": hint}})

    # -- stopping ---------------------------------------------------------------------------------------------

    def ask(self, reason: str) -> None:
        """Ask the action to stop."""
        with self._lock:
            self._stop = self._stop or reason
            if self._orders is not None:
                self._orders.send({"cancel": reason})

    def terminate(self) -> None:
        """Have SIGTERM raise `ActionCancelled` in the action, and tell all that it started."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, sig: int) -> None:
        with self._lock:
            if self._process is not None and self._process.returncode is None:
                os.kill(self._process.pid, sig)
                end_tree(self._process.pid, self._marker, sig)


_CAN_LOOK = hasattr(os, "waitid")
"""Whether a process can be waited for and its number kept from being given to another; not on every system."""


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if not _CAN_LOOK:
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _await(process: subprocess.Popen[bytes]) -> None:
    if _CAN_LOOK:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _garbled(action: str, error: Exception) -> Outcome:
    message = f"what the process of {action!r} reported cannot be read, so it was killed: {error}"
    return Outcome("died", failure=Failure("WorkerDiedError", message))


def _died(code: int, action: str, last_words: Sequence[str]) -> Outcome:
    if code < 0:
        name = _SIGNALS.get(-code, f"signal {-code}")
        how = f"was ended by {name}{_MEANINGS.get(name, '')}"
    else:
        how = f"ended with exit code {code}"
    message = f"the process of {action!r} {how} before it gave a result"
    return Outcome("died", failure=Failure("WorkerDiedError", message, "\n".join(last_words)))


_SIGNALS = {sig.value: sig.name for sig in signal.Signals}
_MEANINGS = {
    "SIGKILL": " (killed; by the system, if it ran out of memory)",
    "SIGSEGV": " (it crashed: a fault in native code)",
    "SIGABRT": " (it aborted: a fault in native code)",
}
