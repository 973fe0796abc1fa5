"""How sinks are told: each on a thread of its own, so that one that hangs or raises harms nobody."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue

from synapse_core.events import Event
from synapse_core.protocols import Sink

Complain = Callable[[str], None]


class SinkWarning(UserWarning):
    """A sink failed, or did not keep up, and was dropped from the run."""


def warn(message: str) -> None:
    """Say that a sink was dropped."""
    warnings.warn(message, SinkWarning, stacklevel=2)


class Sinks:
    """A run's sinks.

    Args:
        sinks: (who brought it, the sink).
        complain: told, once a sink, that it was dropped and why.
    """

    def __init__(self, sinks: Iterable[tuple[str, Sink]], complain: Complain = warn) -> None:
        self._pumps = [_Pump(plugin, sink, complain) for plugin, sink in sinks]

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
        for pump in self._pumps:
            pump.join(timeout)


class _Pump:
    """A sink's thread and the queue before it, bounded in events."""

    BOUND = 200_000

    def __init__(self, plugin: str, sink: Sink, complain: Complain) -> None:
        self._plugin = plugin
        self._sink = sink
        self._complain = complain
        self._queue: SimpleQueue[Sequence[Event] | None] = SimpleQueue()
        self._put = 0
        self._taken = 0
        self._dropped = False
        self._thread = threading.Thread(target=self._work, name=f"synapse-sink-{plugin}", daemon=True)
        self._thread.start()

    def put(self, events: Sequence[Event]) -> None:
        if self._dropped:
            return
        self._put += len(events)
        if self._put - self._taken > self.BOUND:
            self._drop(f"is {self._put - self._taken} events behind")
            return
        self._queue.put(events)

    def _work(self) -> None:
        while (events := self._queue.get()) is not None:
            if self._dropped:
                continue
            try:
                self._sink.write(events)
            except Exception as error:  # noqa: BLE001  a plugin's sink may raise anything
                self._drop(f"raised {type(error).__name__}: {error}")
            self._taken += len(events)
        try:
            self._sink.close()
        except Exception as error:  # noqa: BLE001  as above
            if not self._dropped:
                self._drop(f"raised {type(error).__name__} when it was closed: {error}")

    def _drop(self, why: str) -> None:
        self._dropped = True
        sink = type(self._sink).__name__
        self._complain(f"sink {sink} of plugin {self._plugin!r} {why}; it is told no more of this run")

    def end(self) -> None:
        self._queue.put(None)

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)
        if self._thread.is_alive() and not self._dropped:
            self._drop(f"has not finished {timeout:g} s after the run's end")
