"""How sinks are told: each on a thread of its own, so that one that hangs or raises harms nobody."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue

from synapse_core.errors import PluginError
from synapse_core.events import Event
from synapse_core.protocols import Sink

Complain = Callable[[str, PluginError], None]


def log(plugin: str, error: PluginError) -> None:
    """Say that a sink was dropped, by the logger ``synapse.sinks``."""
    import logging

    logging.getLogger("synapse.sinks").warning("%s (given by %s)", error, plugin)


class Sinks:
    """A run's sinks.

    Args:
        sinks: (who brought it, the sink).
        run_id: the run.
        complain: told, once a sink, who brought it, and that it was dropped and why.
    """

    def __init__(self, sinks: Iterable[tuple[str, Sink]], run_id: str = "", complain: Complain = log) -> None:
        self._pumps = [_Pump(plugin, sink, run_id, complain) for plugin, sink in sinks]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._pumps)

    def write(self, events: Sequence[Event]) -> None:
        """Pass events on, without waiting."""
        for pump in self._pumps:
            pump.put(events)

    def close(self, timeout: float) -> None:
        """Wait until the sinks have taken all, ``timeout`` seconds at most, and close them. Blocks."""
        for pump in self._pumps:
            pump.end()
        deadline = time.monotonic() + timeout
        for pump in self._pumps:
            pump.join(max(deadline - time.monotonic(), 0.0), f"{timeout:g} s")


class _Pump:
    """A sink, its thread, and the queue before it, bounded in events."""

    BOUND = 200_000

    def __init__(self, plugin: str, sink: Sink, run_id: str, complain: Complain) -> None:
        self._plugin = plugin
        self._sink = sink
        self._run_id = run_id
        self._complain = complain
        self._queue: SimpleQueue[Sequence[Event] | None] = SimpleQueue()
        self._put = 0
        self._taken = 0
        self._lock = threading.Lock()
        self._dropped = False
        self._thread = threading.Thread(target=self._work, name=f"synapse-sink-{plugin}", daemon=True)
        self._started = False

    def put(self, events: Sequence[Event]) -> None:
        if self._dropped:
            return
        self._put += len(events)
        if self._put - self._taken > self.BOUND:
            self._drop(f"is {self._put - self._taken} events behind")
            return
        self._queue.put(events)
        self._start()

    def _start(self) -> None:
        """Begin with the first event: a run that is never started leaves no thread behind."""
        if not self._started:
            self._started = True
            self._thread.start()

    def _work(self) -> None:
        while (events := self._queue.get()) is not None:
            if self._dropped:
                continue
            try:
                self._sink.write(events)
            except (Exception, SystemExit) as error:  # noqa: BLE001  a plugin's sink may raise anything
                self._drop(f"raised {_told(error)}", error)
            self._taken += len(events)
        try:
            self._sink.close()
        except (Exception, SystemExit) as error:  # noqa: BLE001  as above
            self._drop(f"raised {_told(error)} when it was closed", error)

    def _drop(self, why: str, cause: BaseException | None = None) -> None:
        with self._lock:
            if self._dropped:
                return
            self._dropped = True
        error = PluginError(f"its sink {type(self._sink).__name__} {why}; it is told no more of run {self._run_id}")
        error.__cause__ = cause
        with contextlib.suppress(Exception):  # whoever is told may make an error of it; the run goes on
            self._complain(self._plugin, error)

    def end(self) -> None:
        self._queue.put(None)
        self._start()

    def join(self, timeout: float, told: str) -> None:
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._drop(f"has not finished {told} after the run's end")


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  an exception whose __str__ raises still has a type to tell
        return type(error).__name__
